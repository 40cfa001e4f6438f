// Records the beats that cross an AXI4-Stream, one line each:
// cycle (decimal), then tlast, tuser, tid, tdest, tkeep, tdata (hexadecimal).
module axis_recorder #(
    parameter BYTES = 32, ID = 10, USER = 2, FILE = ""
) (
    input clk, input rst, input [31:0] cycle,
    input tvalid, input tready, input tlast, input [USER-1:0] tuser, input [ID-1:0] tid,
    input [ID-1:0] tdest, input [BYTES-1:0] tkeep, input [8*BYTES-1:0] tdata
);
    integer log;
    initial log = $fopen(FILE, "w");
    always @(posedge clk) if (!rst && tvalid && tready)
        $fwrite(log, "%0d %h %h %h %h %h %h\n", cycle, tlast, tuser, tid, tdest, tkeep, tdata);
endmodule
