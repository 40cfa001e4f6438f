// Counts the flits of a flit_pump, and those whose payload is not the next one's; returns each
// credit one cycle later. `count` flits had come before `since`, the cycle of the last flit that
// followed a cycle without one: with a link in between, the first flit of a frame.
module flit_counter #(
    parameter PAYLOAD = 256, FLIT = 256, VCS = 2
) (
    input clk, input rst, input [31:0] cycle,
    input valid, input [FLIT-1:0] flit, output reg [VCS-1:0] credit,
    output reg [31:0] count, output reg [31:0] since, output reg [31:0] wrong
);
    reg [31:0] number;
    reg busy;

    always @(posedge clk) begin
        credit <= 0;
        busy <= valid;
        if (rst) begin
            number <= 0;
            count <= 0;
            since <= 0;
            wrong <= 0;
            busy <= 0;
        end else if (valid) begin
            credit[0] <= 1;
            number <= number + 1;
            wrong <= wrong + (flit[PAYLOAD-1:0] != {PAYLOAD / 32{number * 32'h9E3779B1}});
            if (!busy) begin
                count <= number;
                since <= cycle;
            end
        end
    end
endmodule
