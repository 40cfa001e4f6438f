// Plays the lines of FILE, one a cycle from cycle 0 on, then zeros. LENGTH lines.
module word_source #(parameter BITS = 256, LENGTH = 1, FILE = "") (
    input [31:0] cycle, output [BITS-1:0] words
);
    reg [BITS-1:0] lines [0:LENGTH-1];
    initial $readmemh(FILE, lines);
    assign words = cycle < LENGTH ? lines[cycle] : 0;
endmodule
