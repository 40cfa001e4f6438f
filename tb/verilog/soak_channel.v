// One direction of the soak's channel: beats arrive later, if at all, and as they please.
//
// Stands for two SerDes adapters and a fibre: beats are taken at the rate of the live lanes; a bit
// error becomes three, as the descrambler makes it; a live lane that is dead takes the alignment
// away, until the next marker after the sender has taken it out.
module soak_channel #(
    parameter BLOCKS = 2, LANES = 4, FRAME = 8, REPLAY = 128,
    // Beats of a lane in 2^16 cycles; least and most latency; cycles between two markers.
    parameter RATE = 16384, LEAST = 12, MOST = 40, MARKERS = 530,
    // Where the fields of a tail are; what the sender tells of its receiver is from ack to info.
    parameter COUNT_LSB = 8, COUNT_BITS = 4, SEQ_LSB = 12, SEQ_BITS = 8, ACK_LSB = 20,
    parameter INFO_LSB = 60, TURN = 1
) (
    input clk, input [63:0] seed, input calm,
    // The sender: its clock stops; it is dark; its session and the partner's, which is 0 for a
    // round trip when a session starts. The receiver: it cannot align.
    input frozen, input dark, input [15:0] session, input deaf,
    input i_valid, output reg i_ready, input [65*BLOCKS-1:0] i_beat, input [LANES-1:0] i_off,
    output reg o_valid, output reg [66*BLOCKS-1:0] o_beat, output reg aligned,
    output reg [8*LANES-1:0] wires,
    output reg [63:0] beats, output reg [63:0] errors, output reg [31:0] bursts,
    output reg [31:0] outages, output reg [31:0] deaths, output reg [31:0] forged
);
    localparam BITS = 64 * BLOCKS, BEAT = 65 * BLOCKS, DEEP = 256, OLD = 4;
    localparam [BITS-1:0] IDLE = 'h1E;

    // Mean cycles between two disturbances of each kind; 0 is never. Bit errors in 10^9.
    integer ppb, burst, flag, slip, silence, outage, gloom, death, sickness, forge, hush;
    initial begin
        if (!$value$plusargs("ppb=%d", ppb)) ppb = 0;
        if (!$value$plusargs("burst=%d", burst)) burst = 0;
        if (!$value$plusargs("flag=%d", flag)) flag = 0;
        if (!$value$plusargs("slip=%d", slip)) slip = 0;
        if (!$value$plusargs("silence=%d", silence)) silence = 0;
        if (!$value$plusargs("outage=%d", outage)) outage = 0;
        if (!$value$plusargs("gloom=%d", gloom)) gloom = 13;
        if (!$value$plusargs("death=%d", death)) death = 0;
        if (!$value$plusargs("sickness=%d", sickness)) sickness = 0;
        if (!$value$plusargs("forge=%d", forge)) forge = 0;
        if (!$value$plusargs("hush=%d", hush)) hush = 12;    // log2 of the longest silence
    end

    `include "soak_events.vh"
    reg [63:0] good;    // bits until the next bad one

    // CRC-32C of a message is linear: what a change of bits makes of it.
    function [31:0] shift_crc(input [31:0] crc, input [BITS-1:0] bits, input integer count);
        integer k;
        begin
            shift_crc = crc;
            for (k = 0; k < count; k = k + 1)
                shift_crc = {1'b0, shift_crc[31:1]}
                            ^ (shift_crc[0] ^ bits[k] ? 32'h82F63B78 : 32'd0);
        end
    endfunction

    // The line: what was sent in a cycle, at the cycle in which it arrives.
    reg [BEAT-1:0] line [0:DEEP-1];
    reg [DEEP-1:0] full;
    reg [7:0] now, latency;
    reg [31:0] tokens;
    // Lanes, by number. `lit`: cycles of light; `lock`, `mark`: cycles to block and marker lock.
    reg [LANES-1:0] victims, dead, sick, live, locked, marked, failing;
    reg [31:0] back [0:LANES-1], lit [0:LANES-1], well [0:LANES-1];
    reg [15:0] to_lock, to_mark, to_marker, fading, realigning;
    // Errors.
    reg [31:0] in_burst, in_flag, in_slip, in_silence, in_outage, in_death, in_sickness, in_forge;
    reg [31:0] burst_left, silence_left, outage_left;
    reg out_dark, whole;
    reg [BITS-1:0] carry, hit, next_carry;
    reg [BLOCKS-1:0] bad;
    reg [LANES-1:0] pulses;
    // Frames seen since the last train beat, newest at `newest`, and their sessions; behind them
    // the last one before that beat.
    reg [BITS-1:0] seen [0:(OLD+1)*FRAME-1];
    reg [BITS-1:0] tails [0:OLD];
    reg [7:0] sizes [0:OLD];
    reg [15:0] pairs [0:OLD];
    integer newest, known, open, which, at, extent;
    reg lies, wanted;
    reg [BITS-1:0] lie, change;
    reg [31:0] crc;
    reg boundary;
    reg [SEQ_BITS-1:0] highest, step;    // the number after the last flit sent, replays apart

    integer k, b, j, lane;
    initial begin
        r = 0;
        good = 0;
        {full, now, tokens, dead, sick, locked, marked, failing, fading, realigning} = 0;
        latency = LEAST;
        live = ~0;
        {to_lock, to_mark} = {16'd32, 16'd64};
        to_marker = MARKERS;
        {burst_left, silence_left, outage_left, out_dark, carry} = 0;
        {newest, known, open, which, at, extent, lies, wanted, boundary, whole, highest} = 0;
        {i_ready, o_valid, o_beat, aligned, wires} = 0;
        {beats, errors, bursts, outages, deaths, forged} = 0;
        for (k = 0; k < LANES; k = k + 1) begin
            back[k] = 0;
            lit[k] = 0;
            well[k] = 0;
        end
        for (k = 0; k <= OLD; k = k + 1) {sizes[k], pairs[k]} = 0;
    end

    task begin_events;
        begin
            r = seed | 1;
            repeat (8) r = random(r);
            if (ppb > 0) draw(good, ppb);
            plan(in_burst, burst);
            plan(in_flag, flag);
            plan(in_slip, slip);
            plan(in_silence, silence);
            plan(in_outage, outage);
            plan(in_death, death);
            plan(in_sickness, sickness);
            plan(in_forge, forge);
        end
    endtask

    // Draws what happens in this cycle.
    task have_events;
        begin
            if (in_burst == 0) begin
                length(burst_left, 6);
                plan(in_burst, burst);
                bursts = bursts + 1;
            end else in_burst = in_burst - 1;
            if (in_silence == 0) begin
                length(silence_left, hush);
                plan(in_silence, silence);
                outages = outages + 1;
            end else in_silence = in_silence - 1;
            if (in_outage == 0) begin
                length(outage_left, gloom);
                plan(in_outage, outage);
                out_dark = r[7];
                outages = outages + 1;
            end else in_outage = in_outage - 1;
            if (in_death == 0) begin
                plan(in_death, death);
                // One lane, or any of them, even all.
                victims = r[59:58] == 0 ? r[57 -: LANES] : 1 << r[57:50] % LANES;
                for (k = 0; k < LANES; k = k + 1) if (victims[k]) begin
                    length(back[k], 16);
                    failing[k] = 1;
                    dead[k] = 1;
                    deaths = deaths + 1;
                end
                fading = r[5:0];
            end else in_death = in_death - 1;
            if (in_sickness == 0) begin
                plan(in_sickness, sickness);
                lane = r[7:0] % LANES;
                length(well[lane], 14);
                sick[lane] = 1;
                deaths = deaths + 1;
            end else in_sickness = in_sickness - 1;
            if (in_forge == 0) begin
                plan(in_forge, forge);
                wanted = 1;
            end else in_forge = in_forge - 1;
            if (in_flag != 0) in_flag = in_flag - 1;
            if (in_slip != 0) in_slip = in_slip - 1;
        end
    endtask

    task run_lanes;
        reg was;
        begin
            if (fading != 0) fading = fading - 1;
            pulses = 0;
            for (k = 0; k < LANES; k = k + 1) begin
                if (back[k] != 0) back[k] = back[k] - 1;
                if (well[k] != 0) well[k] = well[k] - 1;
                if (fading == 0) failing[k] = 0;
                if (back[k] == 0 || calm) begin
                    dead[k] = 0;
                    failing[k] = 0;
                end
                if (well[k] == 0 || calm) sick[k] = 0;
                if (dark || (outage_left != 0 && out_dark) || (dead[k] && !failing[k])) begin
                    if (locked[k]) pulses[k] = 1;
                    lit[k] = 0;
                end else if (lit[k] != 16'hFFFF) lit[k] = lit[k] + 1;
                locked[k] = lit[k] > to_lock;
                marked[k] = lit[k] > to_mark;
                if (sick[k] && r[2:0] == 0) pulses[k] = 1;
            end
            if (to_marker == 0) begin
                to_marker = MARKERS;
                // The adapter never takes out the last lane.
                if (~i_off != 0 && ~i_off != live) begin
                    live = ~i_off;
                    // Other lanes: the receiver aligns anew; or it need not, which is harder.
                    if (r[20]) realigning = 2 * MARKERS;
                end
            end else to_marker = to_marker - 1;
            if (realigning != 0) realigning = realigning - 1;
            was = whole;
            whole = !dark && !deaf && outage_left == 0 && realigning == 0 && (live & ~marked) == 0;
            aligned <= whole;
            if (whole && !was) begin
                latency = LEAST + r[31:16] % (MOST - LEAST + 1);
                full = 0;
                {to_lock, to_mark} = {7'd0, r[40:32], 6'd0, r[50:41]};
                if (to_mark < to_lock) to_mark = to_lock;
            end
        end
    endtask

    // Remembers the frames that pass; a copy of one with a lie in its tail may follow.
    task remember(input [BEAT-1:0] beat);
        reg control;
        reg [BITS-1:0] bits;
        reg [SEQ_BITS-1:0] after;
        begin
            control = beat[64];
            for (b = 0; b < BLOCKS; b = b + 1) bits[64 * b +: 64] = beat[65 * b +: 64];
            boundary = control;
            if (control && bits[7:0] == 8'h78) begin
                tails[newest] = bits;
                sizes[newest] = open;
                pairs[newest] = session;
                after = bits[SEQ_LSB +: SEQ_BITS] + open;
                step = after - highest;
                if (!step[SEQ_BITS-1]) highest = after;
                newest = (newest + 1) % OLD;
                if (known < OLD) known = known + 1;
                open = 0;
            end else if (control) begin
                if (known != 0) keep_newest;
                known = 0;
                open = 0;
                // A fresh sender counts from 0 again.
                if (bits[9]) highest = 0;
            end else if (open < FRAME) begin
                seen[newest * FRAME + open] = bits;
                open = open + 1;
            end
            if (wanted && boundary && known != 0 && !calm) begin
                wanted = 0;
                forge_frame((newest + OLD - 1) % OLD);
            end
        end
    endtask

    task keep_newest;
        begin
            which = (newest + OLD - 1) % OLD;
            for (j = 0; j < sizes[which]; j = j + 1)
                seen[OLD * FRAME + j] = seen[which * FRAME + j];
            tails[OLD] = tails[which];
            sizes[OLD] = sizes[which];
            pairs[OLD] = pairs[which];
        end
    endtask

    // Its acknowledge and its credit are those of the last frame: a line does not turn back.
    task forge_frame(input integer last);
        begin
            forged = forged + 1;
            lies = 1;
            at = 0;
            which = last;
            r = random(r);
            lie = tails[last];
            crc = 0;
            case (r[10:8])
                // The same again; an old frame again.
                0: ;
                1, 2: begin
                    which = (last + OLD - r[15:11] % known) % OLD;
                    lie = tails[which];
                    lie[INFO_LSB-1:ACK_LSB] = tails[last][INFO_LSB-1:ACK_LSB];
                end
                // Ahead of all that was sent.
                3, 4: lie[SEQ_LSB +: SEQ_BITS] = highest + 1 + r[31:16] % (REPLAY / 2);
                // An acknowledge of the past.
                5: lie[ACK_LSB +: SEQ_BITS] = lie[ACK_LSB +: SEQ_BITS] - 1 - r[31:16] % (REPLAY / 2);
                // A wrong count.
                6: lie[COUNT_LSB +: COUNT_BITS] = lie[COUNT_LSB +: COUNT_BITS] ^ 1;
                // Another session: the CRC begins elsewhere.
                7: begin
                    crc = {16'd0, r[31:17], 1'b1};
                    for (j = 0; j < sizes[which]; j = j + 1) crc = shift_crc(crc, 0, BITS);
                end
            endcase
            // A frame of another session of these ends, with the number that is to come.
            if (r[12:11] == 0 && pairs[OLD] != pairs[last] && pairs[OLD][15:8] != 0
                && pairs[last][15:8] != 0) begin
                which = OLD;
                lie = tails[OLD];
                lie[INFO_LSB-1:ACK_LSB] = tails[last][INFO_LSB-1:ACK_LSB];
                lie[SEQ_LSB +: SEQ_BITS] = highest;
                crc = 0;
            end
            change = lie ^ tails[which];
            lie[BITS-1 -: 32] = tails[which][BITS-1 -: 32] ^ shift_crc(crc, change, BITS - 32);
        end
    endtask

    // What the line does to a beat.
    task harm(input [BEAT-1:0] beat);
        reg [BITS-1:0] bits;
        reg [BLOCKS-1:0] controls;
        begin
            hit = carry;
            next_carry = 0;
            bad = 0;
            for (b = 0; b < BLOCKS; b = b + 1) begin
                bits[64 * b +: 64] = beat[65 * b +: 64];
                controls[b] = beat[65 * b + 64];
            end
            if (ppb > 0 && !calm) begin
                while (good < 66 * BLOCKS) begin
                    errors = errors + 1;
                    b = good / 66;
                    j = good % 66;
                    if (j < 2) begin
                        bad[b] = 1;
                        pulses[r[15:8] % LANES] = 1;
                    end else begin
                        spread(b, j - 2);
                        spread(b, j - 2 + 39);
                        spread(b, j - 2 + 58);
                    end
                    draw(good, ppb);
                    good = good + b * 66 + j + 1;
                end
                good = good - 66 * BLOCKS;
            end
            for (b = 0; b < BLOCKS; b = b + 1) begin
                lane = (b + r[63:56]) % LANES;
                if (live[lane] && ((failing[lane] && r[1]) || (sick[lane] && r[4:2] == 0))) garble(b);
                if (burst_left != 0) garble(b);
            end
            if (burst_left != 0) burst_left = burst_left - 1;
            if (in_flag == 0) begin
                bad[r[7:0] % BLOCKS] = 1;
                plan(in_flag, flag);
            end
            carry = next_carry;
            bits = bits ^ hit;
            for (b = 0; b < BLOCKS; b = b + 1)
                o_beat[66 * b +: 66] <= {bad[b], controls[b], bits[64 * b +: 64]};
        end
    endtask

    task spread(input integer block, input integer bit_);
        if (bit_ < 64) hit[64 * block + bit_] = !hit[64 * block + bit_];
        else next_carry[64 * block + bit_ - 64] = !next_carry[64 * block + bit_ - 64];
    endtask

    task garble(input integer block);
        begin
            r = random(r);
            hit[64 * block +: 64] = r;
            r = random(r);
            errors = errors + 1;
            bad[block] = bad[block] | r[0];
        end
    endtask

    reg [BEAT-1:0] sent;
    reg taken;
    always @(posedge clk) begin
        if (r == 0) begin_events;
        r = random(r);
        if (!calm) have_events;
        else {burst_left, silence_left, outage_left, wanted} = 0;
        run_lanes;

        // In: one beat in this cycle at the most, the sender's or a forged one.
        tokens = tokens + RATE * $countones(live);
        taken = i_valid && i_ready && !frozen;
        if (taken) begin
            sent = i_beat;
            remember(i_beat);
        end else if (lies && tokens >= 65536) begin
            taken = 1;
            extent = sizes[which];
            sent = 0;
            for (b = 0; b < BLOCKS; b = b + 1)
                sent[65 * b +: 64] = at == extent ? lie[64 * b +: 64]
                                                  : seen[which * FRAME + at][64 * b +: 64];
            sent[64] = at == extent;
            if (at == extent) lies = 0;
            at = at + 1;
        end
        if (taken) begin
            tokens = tokens - 65536;
            beats = beats + 1;
            line[(now + latency) % DEEP] = sent;
            full[(now + latency) % DEEP] = !dark;
        end
        if (tokens > 131072) tokens = 131072;
        i_ready <= !lies && tokens >= 65536;

        // Out.
        o_valid <= 0;
        if (full[now] && in_slip == 0) begin
            // A beat is missing.
            plan(in_slip, slip);
        end else if (full[now]) begin
            harm(line[now]);
            o_valid <= whole && silence_left == 0;
        end else if (r[12:8] == 0) begin
            harm({BLOCKS{1'b1, IDLE[63:0]}});
            o_valid <= whole && silence_left == 0;
        end
        full[now] = 0;
        now = now + 1;
        if (silence_left != 0) silence_left = silence_left - 1;
        if (outage_left != 0) outage_left = outage_left - 1;
        for (k = 0; k < LANES; k = k + 1) begin
            lane = (k + TURN) % LANES;
            wires[8 * k +: 8] <= {pulses[lane], lane[3:0], marked[lane], locked[lane], lit[lane] != 0};
        end
    end
endmodule
