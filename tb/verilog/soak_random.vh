// Random numbers of the soak, the same for every simulator: xorshift.
function [63:0] random(input [63:0] x);
    begin
        random = x ^ (x << 13);
        random = random ^ (random >> 7);
        random = random ^ (random << 17);
    end
endfunction
