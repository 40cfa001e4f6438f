// Records a value whenever it is another than in the cycle before (0 before the first): a line of
// cycle (decimal) and value (hexadecimal).
module change_log #(
    parameter WIDTH = 1, FILE = ""
) (
    input clk, input rst, input [31:0] cycle, input [WIDTH-1:0] value
);
    integer log;
    reg [WIDTH-1:0] last;
    initial begin
        log = $fopen(FILE, "w");
        last = 0;
    end
    always @(posedge clk) if (!rst) begin
        last <= value;
        if (value != last) $fwrite(log, "%0d %h\n", cycle, value);
    end
endmodule
