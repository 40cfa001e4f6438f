// The soak's channel made of the SerDes adapters themselves and a fibre, in place of `soak_channel`:
// slower, but lanes that die, are taken out and come back are real. It cannot forge frames.
//
// The lanes come with skew, at any phase of a word, and on other wires. The transmitter is held in
// reset while the sender is `dark`, the receiver while it is `deaf`.
module soak_channel #(
    parameter BLOCKS = 2, LANES = 4, FRAME = 8, REPLAY = 128, RATE = 0, LEAST = 0, MOST = 0,
    parameter MARKERS = 0, COUNT_LSB = 0, COUNT_BITS = 0, SEQ_LSB = 0, SEQ_BITS = 0, ACK_LSB = 0,
    parameter INFO_LSB = 0, TURN = 1
) (
    input clk, input [63:0] seed, input calm,
    input frozen, input dark, input [15:0] session, input deaf,
    input i_valid, output i_ready, input [65*BLOCKS-1:0] i_beat, input [LANES-1:0] i_off,
    output o_valid, output [66*BLOCKS-1:0] o_beat, output aligned, output [8*LANES-1:0] wires,
    output reg [63:0] beats, output reg [63:0] errors, output reg [31:0] bursts,
    output reg [31:0] outages, output reg [31:0] deaths, output reg [31:0] forged
);
    localparam WORD = `SOAK_WORD, DELAY = `SOAK_DELAY, BITS = LANES * WORD, DEEP = 64;
    localparam HOLD = 16;    // a reset must reach all clocks

    integer ppb, burst, outage, gloom, death, sickness;
    initial begin
        if (!$value$plusargs("ppb=%d", ppb)) ppb = 0;
        if (!$value$plusargs("burst=%d", burst)) burst = 0;
        if (!$value$plusargs("outage=%d", outage)) outage = 0;
        if (!$value$plusargs("gloom=%d", gloom)) gloom = 13;
        if (!$value$plusargs("death=%d", death)) death = 0;
        if (!$value$plusargs("sickness=%d", sickness)) sickness = 0;
    end

    `include "soak_events.vh"
    reg [63:0] good;    // bits until the next bad one

    reg [4:0] tx_hold, rx_hold;
    reg [BITS-1:0] rx_words;
    reg [LANES-1:0] rx_light;
    wire [BITS-1:0] tx_words;
    soak_tx tx (
        .clk(clk), .rst(tx_hold != 0), .i_valid(i_valid && !frozen), .i_ready(i_ready),
        .i_beat(i_beat), .off(i_off), .words(tx_words));
    soak_rx rx (
        .clk(clk), .rst(rx_hold != 0), .words(rx_words), .light(rx_light), .valid(o_valid),
        .beat(o_beat), .aligned(aligned), .wires(wires));

    reg [31:0] in_burst, in_outage, in_death, in_sickness, burst_left, outage_left;
    reg [31:0] back [0:LANES-1], well [0:LANES-1];
    reg [BITS-1:0] line [0:DEEP-1];
    reg [LANES-1:0] light [0:DEEP-1];
    reg [5:0] now;
    reg [7:0] skew [0:LANES-1], phase [0:LANES-1];
    reg [BITS-1:0] word, mask;
    reg [LANES-1:0] lit, victims;
    reg [2*WORD-1:0] two;
    integer k, at, lane;
    initial begin
        r = 0;
        {good, now, burst_left, outage_left, rx_words, rx_light} = 0;
        {tx_hold, rx_hold} = {5'd16, 5'd16};
        {beats, errors, bursts, outages, deaths, forged} = 0;
        for (k = 0; k < LANES; k = k + 1) {back[k], well[k]} = 0;
        for (k = 0; k < DEEP; k = k + 1) begin
            line[k] = 0;
            light[k] = 0;
        end
    end

    task begin_events;
        begin
            r = seed | 1;
            repeat (8) r = random(r);
            if (ppb > 0) draw(good, ppb);
            plan(in_burst, burst);
            plan(in_outage, outage);
            plan(in_death, death);
            plan(in_sickness, sickness);
            for (k = 0; k < LANES; k = k + 1) begin
                r = random(r);
                skew[k] = DELAY + r[9:8];
                phase[k] = r[31:16] % WORD;
            end
        end
    endtask

    task have_events;
        begin
            if (in_burst == 0) begin
                length(burst_left, 6);
                plan(in_burst, burst);
                bursts = bursts + 1;
            end else in_burst = in_burst - 1;
            if (in_outage == 0) begin
                length(outage_left, gloom);
                plan(in_outage, outage);
                outages = outages + 1;
            end else in_outage = in_outage - 1;
            if (in_death == 0) begin
                plan(in_death, death);
                victims = r[59:58] == 0 ? r[57 -: LANES] : 1 << r[57:50] % LANES;
                for (k = 0; k < LANES; k = k + 1) if (victims[k]) begin
                    length(back[k], 16);
                    deaths = deaths + 1;
                end
            end else in_death = in_death - 1;
            if (in_sickness == 0) begin
                plan(in_sickness, sickness);
                length(well[r[7:0] % LANES], 14);
                deaths = deaths + 1;
            end else in_sickness = in_sickness - 1;
        end
    endtask

    always @(posedge clk) begin
        if (r == 0) begin_events;
        r = random(r);
        if (!calm) have_events;
        else begin
            {burst_left, outage_left} = 0;
            for (k = 0; k < LANES; k = k + 1) {back[k], well[k]} = 0;
        end
        if (i_valid && i_ready && !frozen) beats = beats + 1;

        mask = 0;
        if (ppb > 0 && !calm) begin
            while (good < BITS) begin
                errors = errors + 1;
                at = good;
                mask[at] = 1;
                draw(good, ppb);
                good = good + at + 1;
            end
            good = good - BITS;
        end
        for (k = 0; k < LANES; k = k + 1) begin
            lit[k] = !dark && outage_left == 0 && back[k] == 0;
            // A noisy lane: one word in four has a bad bit.
            if (well[k] != 0 && r[5:4] == 0) begin
                at = k * WORD + r[15:8] % WORD;
                mask[at] = !mask[at];
                errors = errors + 1;
            end
            if (burst_left != 0) mask[k * WORD +: WORD] = {2{r[31:0]}} >> k;
            if (back[k] != 0) back[k] = back[k] - 1;
            if (well[k] != 0) well[k] = well[k] - 1;
        end
        if (burst_left != 0) burst_left = burst_left - 1;
        if (outage_left != 0) outage_left = outage_left - 1;

        line[now] = tx_words ^ mask;
        light[now] = lit;
        for (k = 0; k < LANES; k = k + 1) begin
            lane = (k + TURN) % LANES;
            at = (now + DEEP - skew[lane]) % DEEP;
            two = {line[at][lane * WORD +: WORD], line[(at + DEEP - 1) % DEEP][lane * WORD +: WORD]};
            rx_words[k * WORD +: WORD] <= light[at][lane] ? two >> phase[lane] : 0;
            rx_light[k] <= light[at][lane];
        end
        now = now + 1;
        if (dark) tx_hold <= HOLD;
        else if (tx_hold != 0) tx_hold <= tx_hold - 1;
        if (deaf) rx_hold <= HOLD;
        else if (rx_hold != 0) rx_hold <= rx_hold - 1;
    end
endmodule
