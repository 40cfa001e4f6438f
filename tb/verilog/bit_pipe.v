// A transceiver's serial side: words of IN bits in, words of OUT bits out, bit 0 first on the
// wire, each on its own clock; the clocks' periods must be as IN to OUT. `slip` drops one bit.
module bit_pipe #(
    parameter IN = 64, OUT = 66, SKIP = 0, DEPTH = 4096
) (
    input rst, input in_clk, input [IN-1:0] in, input out_clk, input slip, output reg [OUT-1:0] out
);
    reg line [0:DEPTH-1];
    integer head, tail, k;
    reg running, slipped;

    initial begin
        head = SKIP;
        tail = 0;
        running = 0;
        slipped = 0;
        out = 0;
    end

    always @(posedge in_clk) if (!rst) begin
        for (k = 0; k < IN; k = k + 1) line[(tail + k) % DEPTH] = in[k];
        tail = tail + IN;
    end

    // Starts half full: slips then have room on either side.
    always @(posedge out_clk) if (!rst) begin
        if (tail - head > DEPTH / 2) running = 1;
        if (running) begin
            if (tail - head < OUT + 1) begin
                $display("bit_pipe: underflow");
                $finish;
            end
            if (slip && !slipped) head = head + 1;
            slipped = slip;
            for (k = 0; k < OUT; k = k + 1) out[k] <= line[(head + k) % DEPTH];
            head = head + OUT;
        end
    end
endmodule
