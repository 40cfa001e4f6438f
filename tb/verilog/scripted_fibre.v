// All lanes of one direction: words arrive DELAY (>= 1) cycles later, with what a list says.
// FILE holds up to LENGTH entries {cycle[31:0], mask}, in order, the last one with a cycle of all
// ones: bits that are inverted in the word that arrives in that cycle. DARK holds a number for each
// lane: the cycle from which the lane's words are 0 and its `signal` is 0; all ones: never.
module scripted_fibre #(
    parameter LANES = 4, WORD = 64, DELAY = 1, LENGTH = 1, FILE = "", DARK = ""
) (
    input clk, input rst, input [31:0] cycle, input [LANES*WORD-1:0] in,
    output [LANES*WORD-1:0] out, output [LANES-1:0] signal
);
    localparam BITS = LANES * WORD;
    reg [BITS-1:0] line [0:DELAY-1];
    reg [BITS-1:0] arrived;
    reg [BITS+31:0] entries [0:LENGTH-1];
    reg [31:0] dark [0:LANES-1];
    integer at, next, k;

    initial begin
        at = 0;
        next = 0;
        arrived = 0;
        for (k = 0; k < DELAY; k = k + 1) line[k] = 0;
        $readmemh(FILE, entries);
        $readmemh(DARK, dark);
    end

    wire [BITS+31:0] entry = entries[next];
    wire hit = entry[BITS +: 32] == cycle;
    wire [BITS-1:0] spoilt = arrived ^ (hit ? entry[BITS-1:0] : {BITS{1'b0}});
    genvar lane;
    generate
        for (lane = 0; lane < LANES; lane = lane + 1) begin : lanes
            assign signal[lane] = cycle < dark[lane];
            assign out[lane*WORD +: WORD] = signal[lane] ? spoilt[lane*WORD +: WORD] : {WORD{1'b0}};
        end
    endgenerate

    always @(posedge clk) if (!rst) begin
        if (hit) next <= next + 1;
        line[at] = in;
        at = (at + 1) % DELAY;
        arrived <= line[at];
    end
endmodule
