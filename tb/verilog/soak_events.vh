// When the soak's events come, and how long they last; `r` is the module's random number.
`include "soak_random.vh"
reg [63:0] r;

// Cycles to the next event of a kind; 2^31 - 1 where there is none.
task plan(output [31:0] left, input integer mean);
    begin
        r = random(r);
        left = mean == 0 ? 32'h7FFFFFFF : 1 + r[40:8] % (2 * mean);
    end
endtask

// A length from 1 to 2^most, all magnitudes alike.
task length(output [31:0] cycles, input integer most);
    begin
        r = random(r);
        cycles = 1 + (r[47:16] & ((32'd1 << (r[15:8] % (most + 1))) - 1));
    end
endtask

// Good bits until the next bad one, of `ppb` in 10^9: geometric, so each bit is independent.
task draw(output [63:0] good, input integer ppb);
    begin
        r = random(r);
        good = $rtoi($ln(($itor(r[62:32]) + 0.5) / 2147483648.0) / $ln(1.0 - ppb * 1.0e-9));
    end
endtask
