// Sends lists of single-flit packets on VC 0, one list for each output of a crossbar behind the
// port: each flit no earlier than its cycle and only with a credit; of the outputs that are not
// stopped, in turn. One entry of FILE is {cycle[31:0], flit}, output after output; BEGINS holds
// the number of each output's first entry, and LENGTH at the end.
module voq_source #(
    parameter FLIT = 32, OUTPUTS = 2, VCS = 1, CREDITS = 8, LENGTH = 1, FILE = "", BEGINS = ""
) (
    input clk, input rst, input [31:0] cycle,
    output reg valid, output reg [FLIT-1:0] flit, input [VCS-1:0] credit, input [OUTPUTS-1:0] stop
);
    reg [FLIT+31:0] entries [0:LENGTH];
    reg [31:0] begins [0:OUTPUTS];
    integer next [0:OUTPUTS-1];
    integer credits, turn, k, j;
    reg sent;
    initial begin
        if (LENGTH > 0) $readmemh(FILE, entries, 0, LENGTH - 1);
        $readmemh(BEGINS, begins);
        for (k = 0; k < OUTPUTS; k = k + 1) next[k] = begins[k];
        turn = 0;
        credits = CREDITS;
    end
    always @(posedge clk) begin
        valid <= 0;
        if (!rst) begin
            if (credit[0]) credits = credits + 1;
            sent = 0;
            for (k = 0; k < OUTPUTS; k = k + 1) begin
                j = (turn + k) % OUTPUTS;
                if (!sent && !stop[j] && credits != 0 && next[j] < begins[j + 1]
                    && entries[next[j]][FLIT +: 32] <= cycle + 1) begin
                    sent = 1;
                    valid <= 1;
                    flit <= entries[next[j]][FLIT-1:0];
                    next[j] = next[j] + 1;
                end
            end
            if (sent) begin
                credits = credits - 1;
                turn = (turn + 1) % OUTPUTS;
            end
        end
    end
endmodule
