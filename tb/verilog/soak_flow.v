// One direction of the soak: a source of numbered flits of every VC, and the sink that checks them.
//
// A flit is a function of its VC and its number. So the sink knows each flit that is to come, and
// the packets' ends, whatever a session lost. Numbers go on for ever: where a session starts, the
// sink allows one gap for each VC, to the very flit that the sender's link may send first.
module soak_flow #(
    parameter PAYLOAD = 128, VC_BITS = 1, ID_BITS = 4, VCS = 2, FIFO = 8, DEPTH = 128,
    parameter NAME = "", parameter FLIT = PAYLOAD + VC_BITS + 3 + 2 * ID_BITS
) (
    input [63:0] seed, input [31:0] cycle,
    input fill,     // the source sends what it can, the sink gives nothing back
    input drain,    // the source ends its packets, the sink gives all back
    // The source's end: its clock, and whether its link is in RESET.
    input i_clk, input i_rst, input i_renewed,
    output reg i_valid, output reg [FLIT-1:0] i_flit, input [VCS-1:0] i_credit,
    // The sink's end.
    input o_clk, input o_rst, input o_renewed,
    input o_valid, input [FLIT-1:0] o_flit, output reg [VCS-1:0] o_credit,
    output full, output drained,
    output reg [63:0] delivered, output reg [63:0] gone, output reg [63:0] skipped,
    output reg [63:0] buried, output reg [31:0] aborts
);
    localparam ABORT = 3, STARTS = 16;

    function [63:0] mix(input [63:0] x);
        begin
            mix = (x ^ (x >> 32)) * 64'hD6E8FEB86659FD93;
            mix = (mix ^ (mix >> 32)) * 64'hD6E8FEB86659FD93;
            mix = mix ^ (mix >> 32);
        end
    endfunction

    `include "soak_random.vh"

    // Odd VCs carry short packets, even ones longer ones.
    function ends(input integer v, input [39:0] n);
        reg [63:0] h;
        begin
            h = mix(~seed ^ {v[15:0], 8'd0, n});
            ends = (h[2:0] & (v[0] ? 3'd1 : 3'd7)) == 0;
        end
    endfunction

    function starts(input integer v, input [39:0] n);
        starts = n == 0 || ends(v, n - 40'd1);
    endfunction

    function [39:0] next_start(input integer v, input [39:0] from);
        begin
            next_start = from;
            while (!starts(v, next_start)) next_start = next_start + 1;
        end
    endfunction

    function [FLIT-1:0] make(input integer v, input [39:0] n);
        reg [63:0] h, word;
        reg [PAYLOAD-1:0] payload;
        reg [VC_BITS-1:0] vc;
        reg [1:0] last;
        reg first;
        reg [ID_BITS-1:0] src, dst;
        integer k;
        begin
            h = mix(seed ^ {v[15:0], 8'd0, n});
            for (k = 0; k < PAYLOAD / 64; k = k + 1) begin
                word = {h[31:0], h[63:32]} * (64'd2 * k + 64'h9E3779B97F4A7C15);
                payload[64 * k +: 64] = k == 0 ? {h[63:40], n} : word;
            end
            vc = v[VC_BITS-1:0];
            last = ends(v, n) ? 1 + h[15:8] % 3 : 0;
            first = starts(v, n);
            src = first ? h[16 +: ID_BITS] : 0;
            dst = first ? h[32 +: ID_BITS] : 0;
            make = {dst, src, last, first, vc, payload};
        end
    endfunction

    integer i;
    // Source: next number; numbers that left the link's FIFO; credits.
    reg [39:0] next [0:VCS-1], admitted [0:VCS-1];
    reg [15:0] credits [0:VCS-1];
    // The first number of each VC that the link may send in its latest sessions.
    reg [39:0] start [0:STARTS*VCS-1];
    reg [31:0] sessions;
    reg [63:0] r;
    reg [15:0] pace;
    reg [VCS-1:0] offer;
    reg [11:0] mood;
    reg was_renewed, was_rst;
    // Sink: the number to come; slots in use.
    reg [39:0] want [0:VCS-1];
    reg [15:0] held [0:VCS-1];
    reg [31:0] known [0:VCS-1];        // session that the last gap led to
    reg [VCS-1:0] open, gap;
    reg [63:0] q;
    reg [VCS-1:0] stalled, slow;
    reg [11:0] humour;
    reg o_was_renewed;

    initial begin
        i_valid = 0;
        i_flit = 0;
        o_credit = 0;
        sessions = 1;
        {delivered, gone, skipped, buried} = 0;
        aborts = 0;
        r = 0;
        q = 0;
        {pace, offer, mood, was_renewed, was_rst} = 0;
        {open, stalled, slow, humour, o_was_renewed} = 0;
        gap = 0;
        for (i = 0; i < VCS; i = i + 1) begin
            next[i] = 0;
            admitted[i] = 0;
            credits[i] = FIFO;
            want[i] = 0;
            held[i] = 0;
            known[i] = 0;
        end
        for (i = 0; i < STARTS * VCS; i = i + 1) start[i] = 0;
    end

    task begin_session;
        integer v;
        begin
            for (v = 0; v < VCS; v = v + 1)
                start[(sessions % STARTS) * VCS + v] = next_start(v, admitted[v]);
            sessions = sessions + 1;
        end
    endtask

    integer v, s, pick;
    reg found;
    always @(posedge i_clk) begin
        r = random(r == 0 ? mix(seed) | 1 : r);
        i_valid <= 0;
        for (v = 0; v < VCS; v = v + 1) if (i_credit[v]) begin
            credits[v] = credits[v] + 1;
            admitted[v] = admitted[v] + 1;
            if (credits[v] > FIFO && !i_rst) fail("credit that was not spent", v, 0, 0);
        end
        if (i_rst) begin
            for (v = 0; v < VCS; v = v + 1) begin
                // What the FIFO held is gone; a new packet begins.
                buried = buried + (next[v] - admitted[v]);
                skipped = skipped + (next_start(v, next[v]) - next[v]);
                next[v] = next_start(v, next[v]);
                admitted[v] = next[v];
                credits[v] = FIFO;
            end
        end else begin
            if (was_rst || (i_renewed && !was_renewed)) begin_session;
            if (mood == 0) begin
                mood = r[43:32];
                offer = r[63 -: VCS] | r[55 -: VCS];
                // Mostly all that the link takes; else half of it, a trickle, nothing.
                case (r[46:44])
                    0: pace = 16'h8000;
                    1: pace = 16'h0400;
                    2: pace = 16'h0000;
                    default: pace = 16'hFFFF;
                endcase
            end else mood = mood - 1;
            found = 0;
            for (v = 0; v < VCS; v = v + 1) begin
                pick = (v + r[23:16]) % VCS;
                if (!found && credits[pick] != 0
                    && (drain ? !starts(pick, next[pick])
                        : fill || (offer[pick] && r[15:0] <= pace && pace != 0))) begin
                    found = 1;
                    i_valid <= 1;
                    i_flit <= make(pick, next[pick]);
                    next[pick] = next[pick] + 1;
                    credits[pick] = credits[pick] - 1;
                end
            end
        end
        was_rst = i_rst;
        was_renewed = i_renewed;
    end

    task fail(input [8*32-1:0] what, input integer vc, input [FLIT-1:0] expected,
              input [FLIT-1:0] seen);
        begin
            $display("SOAK FAIL %0s, cycle %0d, VC %0d: %0s; flit %0d, expected %h, seen %h (flit %0d)",
                     NAME, cycle, vc, what, want[vc], expected, seen, seen[39:0]);
            $finish;
        end
    endtask

    // The consumer's side of a flit that is not an ABORT of the link.
    task accept(input integer vc, input [FLIT-1:0] seen);
        reg legal;
        reg [39:0] n;
        begin
            n = seen[39:0];
            if (gap[vc] && !o_renewed && !o_was_renewed) begin
                legal = 0;
                for (s = 0; s < STARTS; s = s + 1)
                    if (!legal && sessions - 1 - s >= known[vc] && s < sessions
                        && start[((sessions - 1 - s) % STARTS) * VCS + vc] == n && n >= want[vc]) begin
                        legal = 1;
                        known[vc] = sessions - 1 - s;
                    end
                if (!legal) fail("not the first of a session", vc, make(vc, want[vc]), seen);
                if (open[vc]) fail("packet not ended by ABORT", vc, make(vc, want[vc]), seen);
                gone = gone + (n - want[vc]);
                want[vc] = n;
                gap[vc] = 0;
            end
            if (seen != make(vc, want[vc])) fail("another flit", vc, make(vc, want[vc]), seen);
            want[vc] = want[vc] + 1;
            delivered = delivered + 1;
            open[vc] = seen[PAYLOAD + VC_BITS + 1 +: 2] == 0;
        end
    endtask

    integer w, to;
    always @(posedge o_clk) begin
        q = random(q == 0 ? mix(~seed) | 1 : q);
        o_credit <= 0;
        if (o_renewed) gap = ~0;
        if (o_rst) begin
            // The consumer is reset as well.
            open = 0;
            gap = ~0;
            for (w = 0; w < VCS; w = w + 1) held[w] = 0;
        end else begin
            if (o_valid) begin
                to = VCS > 1 ? o_flit[PAYLOAD +: VC_BITS] : 0;
                if (to >= VCS) fail("no such VC", 0, 0, o_flit);
                held[to] = held[to] + 1;
                if (held[to] > DEPTH) fail("flit without a credit", to, 0, o_flit);
                if (o_flit[PAYLOAD-1:0] == 0) begin
                    if (o_flit[FLIT-1:PAYLOAD+VC_BITS] != ABORT << 1)
                        fail("not an ABORT", to, 0, o_flit);
                    if (!open[to]) fail("ABORT of no packet", to, 0, o_flit);
                    if (!o_renewed && !o_was_renewed) fail("ABORT within a session", to, 0, o_flit);
                    open[to] = 0;
                    aborts = aborts + 1;
                end else accept(to, o_flit);
            end
            if (humour == 0) begin
                humour = {2'b0, q[41:32]};
                stalled = q[63 -: VCS] & q[55 -: VCS] & q[47 -: VCS];
                slow = q[51 -: VCS] & q[59 -: VCS] & q[43 -: VCS];
            end else humour = humour - 1;
            for (w = 0; w < VCS; w = w + 1)
                if (held[w] != 0 && !fill
                    && (drain || (!stalled[w] && (!slow[w] || (q >> 3 * w) % 8 == 0)))) begin
                    o_credit[w] <= 1;
                    held[w] = held[w] - 1;
                end
        end
        o_was_renewed = o_renewed;
    end

    // Seen between edges only, by the harness.
    reg all_full, all_drained;
    integer x;
    always @* begin
        all_full = 1;
        all_drained = 1;
        for (x = 0; x < VCS; x = x + 1) begin
            if (held[x] != DEPTH) all_full = 0;
            if (held[x] != 0 || credits[x] != FIFO || want[x] != next[x] || open[x]) all_drained = 0;
        end
    end
    assign full = all_full;
    assign drained = all_drained;

    task report;
        for (i = 0; i < VCS; i = i + 1)
            $display("  %0s VC %0d: sent %0d, admitted %0d, delivered up to %0d, held %0d, source credits %0d, open %0d",
                     NAME, i, next[i], admitted[i], want[i], held[i], credits[i], open[i]);
    endtask
endmodule
