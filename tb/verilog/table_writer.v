// Writes a list into a stream, in order, each no earlier than its cycle. One entry of FILE is
// {cycle[31:0], payload}; LENGTH entries.
module table_writer #(
    parameter WIDTH = 1, LENGTH = 1, FILE = ""
) (
    input clk, input rst, input [31:0] cycle,
    output valid, output [WIDTH-1:0] payload, input ready
);
    reg [WIDTH+31:0] entries [0:LENGTH];
    integer next;
    initial begin
        if (LENGTH > 0) $readmemh(FILE, entries, 0, LENGTH - 1);
        next = 0;
    end
    wire [WIDTH+31:0] entry = entries[next];
    assign valid = !rst && next < LENGTH && entry[WIDTH +: 32] <= cycle;
    assign payload = valid ? entry[WIDTH-1:0] : 0;
    always @(posedge clk) if (!rst && valid && ready) next <= next + 1;
endmodule
