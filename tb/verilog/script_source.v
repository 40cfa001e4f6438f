// Plays values that change in given cycles: LENGTH entries {cycle[31:0], value} of FILE, in order,
// zeros before the first. `steps` is 1 in the cycle that brings a new entry.
module script_source #(parameter WIDTH = 1, LENGTH = 0, FILE = "") (
    input clk, input rst, input [31:0] cycle, output reg [WIDTH-1:0] value, output reg steps
);
    reg [WIDTH+31:0] entries [0:LENGTH];
    integer next;
    wire [31:0] upcoming = rst ? 0 : cycle + 1;

    initial begin
        value = 0;
        steps = 0;
        next = 0;
        if (LENGTH > 0) $readmemh(FILE, entries, 0, LENGTH - 1);
    end

    always @(posedge clk) begin
        steps <= 0;
        if (next < LENGTH && entries[next][WIDTH +: 32] <= upcoming) begin
            value <= entries[next][WIDTH-1:0];
            next <= next + 1;
            steps <= 1;
        end
    end
endmodule
