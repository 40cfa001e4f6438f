// Sends a list of flits into a flit port, in order: each no earlier than its cycle, and only
// with a credit of its VC. One entry of FILE is {cycle[31:0], flit}; LENGTH entries. A reset does
// not go back in the list: the source continues with the next packet.
module flit_source #(
    parameter FLIT = 32, VC_BITS = 1, VC_LSB = 0, VCS = 2, CREDITS = 8, LENGTH = 1, FILE = ""
) (
    input clk, input rst, input [31:0] cycle,
    output reg valid, output reg [FLIT-1:0] flit, input [VCS-1:0] credit, output done
);
    reg [FLIT+31:0] entries [0:LENGTH];
    reg [FLIT+31:0] entry;
    integer next, v;
    reg [15:0] credits [0:VCS-1];
    initial $readmemh(FILE, entries, 0, LENGTH - 1);
    initial next = 0;
    assign done = next == LENGTH;

    always @(posedge clk) begin
        valid <= 0;
        if (rst) begin
            while (next > 0 && next < LENGTH && !entries[next][VC_LSB + VC_BITS]) next = next + 1;
            for (v = 0; v < VCS; v = v + 1) credits[v] = CREDITS;
        end else begin
            for (v = 0; v < VCS; v = v + 1) if (credit[v]) credits[v] = credits[v] + 1;
            entry = entries[next];
            if (!done && entry[FLIT +: 32] <= cycle + 1
                && (entry[VC_LSB +: VC_BITS] >= VCS || credits[entry[VC_LSB +: VC_BITS]] != 0)) begin
                valid <= 1;
                flit <= entry[FLIT-1:0];
                if (entry[VC_LSB +: VC_BITS] < VCS)
                    credits[entry[VC_LSB +: VC_BITS]] = credits[entry[VC_LSB +: VC_BITS]] - 1;
                next = next + 1;
            end
        end
    end
endmodule
