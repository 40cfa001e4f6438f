// The soak: two links, a channel each way, a source and a sink each way, and what befalls the ends.
//
// The clocks come from outside: `clk` always runs, that of an end stops while it is frozen. The
// run has four phases: traffic and trouble until `flits` are delivered; calm, in which both ends
// must come back; sinks that hold every slot until the sources have no credit left, which shows
// each credit that was lost or invented; sinks that take all, until all has arrived.
module soak #(
    parameter PAYLOAD = 128, VC_BITS = 1, ID_BITS = 4, VCS = 2, FIFO = 8, DEPTH = 128,
    parameter LANES = 4, FRAME = 8, REPLAY = 128, RATE = 16384, LEAST = 12, MOST = 40,
    parameter MARKERS = 530, COUNT_LSB = 8, COUNT_BITS = 4, SEQ_LSB = 12, SEQ_BITS = 8,
    parameter ACK_LSB = 20, INFO_LSB = 60, PATIENCE = 100000, QUIET = 1000, RECORDS = 13
) (
    input clk, input clk_a, input clk_b, output reg frozen_a, output reg frozen_b
);
    localparam BLOCKS = PAYLOAD / 64, FLIT = PAYLOAD + VC_BITS + 3 + 2 * ID_BITS;
    localparam RESET = 0, ACTIVE = 5, DEGRADED = 6, SLEEP = 7, FAULT = 9;
    localparam SESSIONS = 9, LOST = 11, ABORTS = 12;    // among the records
    localparam SOAK = 0, REVIVE = 1, FILL = 2, DRAIN = 3;

    reg [63:0] seed, flits;
    integer reset, freeze, sleep;
    initial begin
        if (!$value$plusargs("seed=%d", seed)) seed = 1;
        if (!$value$plusargs("flits=%d", flits)) flits = 10000;
        if (!$value$plusargs("reset=%d", reset)) reset = 0;
        if (!$value$plusargs("freeze=%d", freeze)) freeze = 0;
        if (!$value$plusargs("sleep=%d", sleep)) sleep = 0;
    end

    reg [31:0] cycle;
    reg [1:0] phase;
    reg [1:0] rst, dark, deaf, frozen, restart;
    reg [1:0] was_rst;
    reg may_sleep, saturated;
    wire calm = phase != SOAK;

    wire [1:0] clks = {clk_b, clk_a};
    wire i_valid [0:1], o_valid [0:1], tx_valid [0:1], tx_ready [0:1], rx_valid [0:1];
    wire aligned [0:1];
    wire [FLIT-1:0] i_flit [0:1], o_flit [0:1];
    wire [VCS-1:0] i_credit [0:1], o_credit [0:1];
    wire [65*BLOCKS-1:0] tx_beat [0:1];
    wire [66*BLOCKS-1:0] rx_beat [0:1];
    wire [LANES-1:0] off [0:1], asked [0:1];
    wire [8*LANES-1:0] wires [0:1];
    wire [3:0] state [0:1];
    wire [15:0] session [0:1];
    wire [16*RECORDS-1:0] records [0:1];
    wire [63:0] delivered [0:1], gone [0:1], skipped [0:1], buried [0:1], beats [0:1], errors [0:1];
    wire [31:0] aborts [0:1], bursts [0:1], outages [0:1], deaths [0:1], forged [0:1];
    wire [1:0] full, drained, up;

    // Flow e goes from end e to the other one, and so does channel e.
    genvar e;
    generate for (e = 0; e < 2; e = e + 1) begin : end_
        soak_end link (
            .clk(clks[e]), .rst(rst[e]),
            .i_valid(i_valid[e]), .i_flit(i_flit[e]), .i_credit(i_credit[e]),
            .o_valid(o_valid[e]), .o_flit(o_flit[e]), .o_credit(o_credit[e]),
            .tx_valid(tx_valid[e]), .tx_ready(tx_ready[e]), .tx_beat(tx_beat[e]),
            .rx_valid(rx_valid[e]), .rx_beat(rx_beat[e]), .aligned(aligned[e]), .wires(wires[e]),
            .restart(restart[e]), .sleep(may_sleep), .off(off[e]), .asked(asked[e]),
            .state(state[e]),
            .session(session[e]), .records(records[e]));
        assign up[e] = state[e] == ACTIVE || state[e] == DEGRADED;
        soak_flow #(
            .PAYLOAD(PAYLOAD), .VC_BITS(VC_BITS), .ID_BITS(ID_BITS), .VCS(VCS), .FIFO(FIFO),
            .DEPTH(DEPTH), .NAME(e ? "b to a" : "a to b")
        ) flow (
            .seed(seed * 4 + e), .cycle(cycle), .fill(phase == FILL), .drain(phase == DRAIN),
            .i_clk(clks[e]), .i_rst(rst[e]), .i_renewed(state[e] == RESET),
            .i_valid(i_valid[e]), .i_flit(i_flit[e]), .i_credit(i_credit[e]),
            .o_clk(clks[1-e]), .o_rst(rst[1-e]), .o_renewed(state[1-e] == RESET),
            .o_valid(o_valid[1-e]), .o_flit(o_flit[1-e]), .o_credit(o_credit[1-e]),
            .full(full[e]), .drained(drained[e]), .delivered(delivered[e]), .gone(gone[e]),
            .skipped(skipped[e]), .buried(buried[e]), .aborts(aborts[e]));
        soak_channel #(
            .BLOCKS(BLOCKS), .LANES(LANES), .FRAME(FRAME), .REPLAY(REPLAY), .RATE(RATE),
            .LEAST(LEAST), .MOST(MOST), .MARKERS(MARKERS), .COUNT_LSB(COUNT_LSB),
            .COUNT_BITS(COUNT_BITS), .SEQ_LSB(SEQ_LSB), .SEQ_BITS(SEQ_BITS), .ACK_LSB(ACK_LSB),
            .INFO_LSB(INFO_LSB), .TURN(e + 1)
        ) channel (
            .clk(clk), .seed(seed * 4 + 2 + e), .calm(calm), .frozen(frozen[e]), .dark(dark[e]),
            .deaf(deaf[1-e]), .i_valid(tx_valid[e]), .i_ready(tx_ready[e]), .i_beat(tx_beat[e]),
            .i_off(off[e]), .session(session[e]),
            .o_valid(rx_valid[1-e]), .o_beat(rx_beat[1-e]),
            .aligned(aligned[1-e]), .wires(wires[1-e]), .beats(beats[e]), .errors(errors[e]),
            .bursts(bursts[e]), .outages(outages[e]), .deaths(deaths[e]), .forged(forged[e]));
    end endgenerate

    `include "soak_events.vh"

    reg [31:0] in_reset, in_freeze, in_sleep;
    reg [31:0] reset_left [0:1], dark_left [0:1], deaf_left [0:1], freeze_left [0:1];
    reg [31:0] waited, settled, idle, resets [0:1], freezes, faults, slept, degraded, away;
    reg [31:0] returns, searches;
    reg [LANES-1:0] was_asked [0:1];
    reg [1:0] alone, was_alone;
    reg [63:0] last_delivered, total [0:2*RECORDS-1];
    integer k, n;

    // An end is reset; half the time its lanes go with it, and it takes a while to hear.
    task reset_end(input integer which);
        begin
            length(reset_left[which], 6);
            freeze_left[which] = 0;
            resets[which] = resets[which] + 1;
            if (r[51]) begin
                length(dark_left[which], 11);
                dark_left[which] = dark_left[which] + reset_left[which];
                length(deaf_left[which], 11);
                deaf_left[which] = deaf_left[which] + reset_left[which];
            end
        end
    endtask

    task take_records(input integer end_number);
        for (n = 0; n < RECORDS; n = n + 1) begin
            total[end_number * RECORDS + n] =
                total[end_number * RECORDS + n] + records[end_number][16 * n +: 16];
            if (n == LOST && records[end_number][16 * n +: 16] == 16'hFFFF) saturated = 1;
        end
    endtask

    initial begin
        {cycle, phase, r, waited, settled, idle, freezes, faults, slept, degraded, away, last_delivered} = 0;
        {returns, searches, was_alone, was_asked[0], was_asked[1]} = 0;
        {rst, dark, deaf, frozen, restart, may_sleep, saturated, frozen_a, frozen_b} = 0;
        {rst, was_rst} = 4'hF;
        for (k = 0; k < 2; k = k + 1) begin
            reset_left[k] = 4;
            {dark_left[k], deaf_left[k], freeze_left[k], resets[k]} = 0;
        end
        for (k = 0; k < 2 * RECORDS; k = k + 1) total[k] = 0;
    end

    always @(posedge clk) begin
        if (r == 0) begin
            r = seed * 64'h9E3779B97F4A7C15 | 1;
            repeat (8) r = random(r);
            plan(in_reset, reset);
            plan(in_freeze, freeze);
            plan(in_sleep, sleep);
        end
        r = random(r);
        cycle <= cycle + 1;
        if (!calm) begin
            if (in_reset == 0) begin
                plan(in_reset, reset);
                reset_end(r[50]);
                // Now and then the other end as well, or another reset soon.
                r = random(r);
                if (r[1:0] == 0) reset_end(r[50]);
                if (r[3:2] == 0) length(in_reset, 9);
            end else in_reset = in_reset - 1;
            if (in_freeze == 0) begin
                plan(in_freeze, freeze);
                k = r[50];
                if (reset_left[k] == 0) length(freeze_left[k], 13);
                freezes = freezes + 1;
            end else in_freeze = in_freeze - 1;
            if (in_sleep == 0) begin
                plan(in_sleep, sleep);
                may_sleep <= !may_sleep;
            end else in_sleep = in_sleep - 1;
        end else begin
            may_sleep <= 0;
            {freeze_left[0], freeze_left[1]} = 0;
        end
        restart <= 0;
        for (k = 0; k < 2; k = k + 1) begin
            // The last cycle in which what it counted can be seen.
            if (rst[k] && !was_rst[k]) take_records(k);
            // Lanes that the receiver asks for again; ends that hear nothing and try each lane alone.
            for (n = 0; n < LANES; n = n + 1)
                if (was_asked[k][n] && !asked[k][n] && !rst[k] && !was_rst[k]) returns = returns + 1;
            was_asked[k] = asked[k];
            alone[k] = !aligned[k] && state[k] != SLEEP && off[k] != 0 && !rst[k];
            for (n = 0; n < LANES; n = n + 1)
                if (!off[k][n] && (off[k] | 1 << n) != {LANES{1'b1}}) alone[k] = 0;
            if (alone[k] && !was_alone[k]) searches = searches + 1;
            was_alone[k] = alone[k];
            was_rst[k] = rst[k];
            rst[k] <= reset_left[k] != 0;
            dark[k] <= dark_left[k] != 0;
            deaf[k] <= deaf_left[k] != 0;
            frozen[k] <= freeze_left[k] != 0;
            if (reset_left[k] != 0) reset_left[k] = reset_left[k] - 1;
            if (dark_left[k] != 0) dark_left[k] = dark_left[k] - 1;
            if (deaf_left[k] != 0) deaf_left[k] = deaf_left[k] - 1;
            if (freeze_left[k] != 0) freeze_left[k] = freeze_left[k] - 1;
            // Software that looks after a link in FAULT.
            if (state[k] == FAULT && r[9:0] == k) begin
                restart[k] <= 1;
                faults = faults + 1;
            end
            if (state[k] == SLEEP) slept = slept + 1;
            else if (state[k] == DEGRADED) degraded = degraded + 1;
            else if (state[k] != ACTIVE) away = away + 1;
        end
        frozen_a <= freeze_left[0] != 0;
        frozen_b <= freeze_left[1] != 0;

        // Phases.
        if (delivered[0] + delivered[1] != last_delivered) idle = 0;
        else idle = idle + 1;
        last_delivered = delivered[0] + delivered[1];
        waited = waited + 1;
        case (phase)
            SOAK: begin
                waited = 0;
                if (idle > 3 * PATIENCE) stuck("nothing arrives");
                if (last_delivered >= flits) begin
                    phase <= REVIVE;
                    // A last one, to measure how long both ends take to come back.
                    if (reset != 0) reset_end(r[50]);
                end
            end
            REVIVE: begin
                if (up != 3) settled = waited;
                if (waited > PATIENCE) stuck("the ends do not come back");
                if (waited > settled + QUIET) begin
                    phase <= FILL;
                    waited = 0;
                end
            end
            FILL: begin
                if (waited > PATIENCE && (full != 3 || up != 3)) stuck("not each credit is there");
                if (full == 3 && up == 3 && idle > QUIET) begin
                    phase <= DRAIN;
                    waited = 0;
                end
            end
            DRAIN: begin
                if (drained == 3 && up == 3 && idle > QUIET) finish;
                else if (waited > PATIENCE) stuck("not all arrives");
            end
        endcase
    end

    task stuck(input [8*32-1:0] what);
        begin
            $display("SOAK FAIL cycle %0d: %0s; states %0d and %0d", cycle, what, state[0], state[1]);
            end_[0].flow.report;
            end_[1].flow.report;
            $finish;
        end
    endtask

    // What the sinks missed must have been reported, or have been in an end that was reset: in the
    // sender's buffers, or, acknowledged, on the way out of the receiver, a frame at the most. What
    // was reported and arrived had not been acknowledged.
    task account(input integer from);
        reg [63:0] lost, reported, slack;
        begin
            lost = gone[from] - skipped[from];
            reported = total[from * RECORDS + LOST];
            slack = REPLAY * total[from * RECORDS + SESSIONS];
            if (saturated) $display("SOAK FAIL a run too long for the counter of lost flits");
            if (lost > reported + buried[from] + REPLAY * resets[from] + (FRAME + 2) * resets[1-from]
                || reported > lost + slack) begin
                $display("SOAK FAIL end %0d: %0d flits did not arrive, %0d reported, %0d buried, %0d resets, %0d sessions",
                         from, lost, reported, buried[from], resets[from],
                         total[from * RECORDS + SESSIONS]);
                $finish;
            end
            if (resets[1-from] == 0 && aborts[from] != total[(1-from) * RECORDS + ABORTS]) begin
                $display("SOAK FAIL end %0d: %0d packets were ended by ABORT, %0d reported",
                         1 - from, aborts[from], total[(1-from) * RECORDS + ABORTS]);
                $finish;
            end
        end
    endtask

    task finish;
        begin
            take_records(0);
            take_records(1);
            account(0);
            account(1);
            $display("SOAK PASS cycles=%0d flits=%0d gone=%0d skipped=%0d buried=%0d beats=%0d errors=%0d bursts=%0d outages=%0d deaths=%0d forged=%0d resets=%0d freezes=%0d restarts=%0d ended=%0d settled=%0d slept=%0d degraded=%0d away=%0d returns=%0d searches=%0d",
                cycle, delivered[0] + delivered[1], gone[0] + gone[1], skipped[0] + skipped[1],
                buried[0] + buried[1], beats[0] + beats[1], errors[0] + errors[1],
                bursts[0] + bursts[1], outages[0] + outages[1], deaths[0] + deaths[1],
                forged[0] + forged[1], resets[0] + resets[1], freezes, faults,
                aborts[0] + aborts[1], settled, slept, degraded, away, returns, searches);
            $write("SOAK RECORDS");
            for (n = 0; n < RECORDS; n = n + 1)
                $write(" %0d", total[n] + total[RECORDS + n]);
            $write("\n");
            $finish;
        end
    endtask
endmodule
