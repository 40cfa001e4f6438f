// Sends flits on VC 0 as fast as credits allow, in packets of `packet` flits. Each payload holds
// the flit's number, multiplied to look random.
module flit_pump #(
    parameter PAYLOAD = 256, VC_BITS = 1, ID_BITS = 10, VCS = 2, CREDITS = 8,
    parameter FLIT = PAYLOAD + VC_BITS + 3 + 2 * ID_BITS
) (
    input clk, input rst, input [15:0] packet,
    output reg valid, output reg [FLIT-1:0] flit, input [VCS-1:0] credit
);
    reg [31:0] number;
    reg [15:0] left;    // flits of the packet that follow
    integer credits;
    reg first;
    wire [15:0] after = first ? packet - 1 : left - 1;
    wire [ID_BITS-1:0] id = first ? {ID_BITS{1'b1}} : 0;

    always @(posedge clk) begin
        valid <= 0;
        if (rst) begin
            number <= 0;
            left <= 0;
            first <= 1;
            credits = CREDITS;
        end else begin
            if (credit[0]) credits = credits + 1;
            if (credits != 0) begin
                credits = credits - 1;
                valid <= 1;
                flit <= {id, id, 1'b0, after == 0, first, {VC_BITS{1'b0}},
                         {PAYLOAD / 32{number * 32'h9E3779B1}}};
                number <= number + 1;
                left <= after;
                first <= after == 0;
            end
        end
    end
endmodule
