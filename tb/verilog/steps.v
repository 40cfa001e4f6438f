// A value that changes in given cycles. One entry of FILE is {cycle[31:0], value}; LENGTH entries,
// in order; from that cycle on the value holds.
module steps #(
    parameter WIDTH = 1, LENGTH = 1, FILE = "", INITIAL = 0
) (
    input clk, input rst, input [31:0] cycle, output reg [WIDTH-1:0] value
);
    reg [WIDTH+31:0] entries [0:LENGTH];
    reg [WIDTH-1:0] latest;
    integer next;
    wire [31:0] coming = rst ? 0 : cycle + 1;
    initial begin
        if (LENGTH > 0) $readmemh(FILE, entries, 0, LENGTH - 1);
        next = 0;
        latest = INITIAL;
        value = INITIAL;
    end
    always @(posedge clk) begin
        while (next < LENGTH && entries[next][WIDTH +: 32] <= coming) begin
            latest = entries[next][WIDTH-1:0];
            next = next + 1;
        end
        value <= latest;
    end
endmodule
