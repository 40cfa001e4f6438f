// Records words, one line a cycle (hexadecimal).
module word_recorder #(parameter BITS = 256, FILE = "") (
    input clk, input rst, input [BITS-1:0] words
);
    integer log;
    initial log = $fopen(FILE, "w");
    always @(posedge clk) if (!rst) $fwrite(log, "%h\n", words);
endmodule
