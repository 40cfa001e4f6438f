`timescale 1ps/1fs
// One lane between two transceivers of one rate and any phase, bit 0 of a word first on the wire.
// The receiver's clock is made here: PERIOD and PHASE in ps. Words in and out change at falling
// edges, so that no simulator can race. Bit 0 of the line is the first one sent after reset.
//
// FILE holds EVENTS entries {bit[63:0], kind[7:0], length[39:0]}, in order and apart: for so many
// bits from that bit on, the line is inverted (1), noise (2), dark (3), or the receiver has no
// clock (4). `slip` drops one bit, some words later.
module serial_lane #(
    parameter BITS = 64, SKEW = 0, INVERT = 0, EVENTS = 0, FILE = "", SEED = 1,
    parameter real PERIOD = 2000.0, parameter real PHASE = 0.0
) (
    input in_clk, input in_rst, input [BITS-1:0] in,
    output out_clk, input slip, output reg [BITS-1:0] out, output reg signal
);
    localparam DEPTH = 1024;                 // words on the line
    localparam DELAY = SKEW + 2 * BITS + 1024;    // in bits; slips have room
    localparam BEHIND = (DELAY + BITS - 1) / BITS;
    localparam SLIP_WORDS = 8;
    localparam [7:0] FLIP = 1, NOISE = 2, DARK = 3, STOP = 4;

    reg [BITS+1:0] line [0:DEPTH-1];         // {stop, dark, word}
    reg [111:0] events [0:EVENTS];
    reg [63:0] at, start, stop;
    reg [BITS-1:0] word;
    reg dark, stopped, more, running, free, enable;
    reg [SLIP_WORDS-1:0] slips;
    reg [2*BITS-1:0] window;
    integer tail, head, phase, next, k, seed;

    assign out_clk = free & enable;

    initial begin
        for (k = 0; k < DEPTH; k = k + 1) line[k] = {2'b01, {BITS{1'b0}}};
        if (EVENTS > 0) $readmemh(FILE, events, 0, EVENTS - 1);
        at = 0;
        tail = 0;
        head = 0;
        phase = 0;
        next = 0;
        seed = SEED;
        slips = 0;
        running = 0;
        out = 0;
        signal = 0;
        free = 0;
        enable = 1;
        #(PHASE);
        forever #(PERIOD / 2.0) free = ~free;
    end

    always @(negedge in_clk) if (!in_rst) begin
        word = INVERT ? ~in : in;
        dark = 0;
        stopped = 0;
        more = 1;
        while (more && next < EVENTS && events[next][48 +: 64] < at + BITS) begin
            start = events[next][48 +: 64];
            stop = start + events[next][39:0];
            for (k = start > at ? start - at : 0; k < BITS && at + k < stop; k = k + 1)
                case (events[next][40 +: 8])
                    FLIP: word[k] = ~word[k];
                    NOISE: word[k] = $random(seed);
                    DARK: begin word[k] = 0; dark = 1; end
                    default: stopped = 1;
                endcase
            more = stop <= at + BITS;
            if (more) next = next + 1;
        end
        line[tail % DEPTH] = {stopped, dark, word};
        tail = tail + 1;
        at = at + BITS;
    end

    always @(negedge free) if (running || tail > 0) begin
        if (!running) begin
            head = tail + DEPTH - BEHIND;
            phase = BEHIND * BITS - DELAY;
            running = 1;
        end
        if (slips[SLIP_WORDS-1]) phase = phase + 1;
        if (phase >= BITS) begin
            phase = phase - BITS;
            head = head + 1;
        end
        slips = {slips, slip & enable};
        if (head + 2 > tail + DEPTH) begin
            $display("serial_lane: underflow");
            $finish;
        end
        window = {line[(head + 1) % DEPTH][BITS-1:0], line[head % DEPTH][BITS-1:0]} >> phase;
        out <= window[BITS-1:0];
        signal <= !line[head % DEPTH][BITS];
        enable <= !line[head % DEPTH][BITS+1];
        head = head + 1;
    end
endmodule
