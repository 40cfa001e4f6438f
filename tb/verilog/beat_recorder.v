// Records the beats of a stream, one line each: cycle (decimal) and beat (hexadecimal).
module beat_recorder #(parameter BITS = 65, FILE = "") (
    input clk, input rst, input [31:0] cycle, input valid, input ready, input [BITS-1:0] beat
);
    integer log;
    initial log = $fopen(FILE, "w");
    always @(posedge clk) if (!rst && valid && ready) $fwrite(log, "%0d %h\n", cycle, beat);
endmodule
