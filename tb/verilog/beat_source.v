// Offers a list of beats on a stream, in order: each no earlier than its cycle, and held until it
// is taken. One entry of FILE is {cycle[31:0], beat}; LENGTH entries.
module beat_source #(parameter BITS = 65, LENGTH = 1, FILE = "") (
    input clk, input rst, input [31:0] cycle, output valid, input ready, output [BITS-1:0] beat
);
    reg [BITS+31:0] entries [0:LENGTH];
    integer next;
    initial if (LENGTH > 0) $readmemh(FILE, entries, 0, LENGTH - 1);
    wire [BITS+31:0] entry = entries[next];
    assign valid = !rst && next < LENGTH && entry[BITS +: 32] <= cycle;
    assign beat = entry[BITS-1:0];
    always @(posedge clk) if (rst) next <= 0; else if (valid && ready) next <= next + 1;
endmodule
