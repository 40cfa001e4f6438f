// Records the flits of a flit port, one line each: cycle (decimal) and flit (hexadecimal). In each
// cycle without `hold`, every VC of which flits that came earlier are not returned yet gets one
// credit.
module credit_sink #(
    parameter FLIT = 32, VC_BITS = 1, VC_LSB = 0, VCS = 2, FILE = ""
) (
    input clk, input rst, input [31:0] cycle,
    input valid, input [FLIT-1:0] flit, input hold, output [VCS-1:0] credit
);
    integer log;
    initial log = $fopen(FILE, "w");
    always @(posedge clk) if (!rst && valid) $fwrite(log, "%0d %h\n", cycle, flit);

    genvar v;
    generate
        for (v = 0; v < VCS; v = v + 1) begin : vc
            reg [31:0] debt;
            assign credit[v] = !rst && !hold && debt != 0;
            always @(posedge clk)
                if (rst) debt <= 0;
                else debt <= debt + (valid && flit[VC_LSB +: VC_BITS] == v) - credit[v];
        end
    endgenerate
endmodule
