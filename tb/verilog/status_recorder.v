// Records a status word, one line each: cycle (decimal) and word (hexadecimal), in the cycles in
// which `watch` changes, `sample` is 1, or the cycle is a multiple of EVERY.
module status_recorder #(parameter BITS = 1, EVERY = 0, FILE = "") (
    input clk, input rst, input [31:0] cycle, input watch, input sample, input [BITS-1:0] status
);
    integer log;
    reg was;
    initial begin
        log = $fopen(FILE, "w");
        was = 0;
    end
    always @(posedge clk) if (!rst) begin
        if (sample || watch != was || (EVERY > 0 && cycle % EVERY == 0))
            $fwrite(log, "%0d %h\n", cycle, status);
        was <= watch;
    end
endmodule
