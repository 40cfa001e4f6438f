// Records the flits of a flit port, one line each: cycle (decimal) and flit (hexadecimal), and
// returns each credit one cycle later.
module flit_sink #(
    parameter FLIT = 32, VC_BITS = 1, VC_LSB = 0, VCS = 2, FILE = ""
) (
    input clk, input rst, input [31:0] cycle,
    input valid, input [FLIT-1:0] flit, output reg [VCS-1:0] credit
);
    integer log;
    initial log = $fopen(FILE, "w");
    always @(posedge clk) begin
        credit <= 0;
        if (!rst && valid) begin
            $fwrite(log, "%0d %h\n", cycle, flit);
            credit <= 1 << flit[VC_LSB +: VC_BITS];
        end
    end
endmodule
