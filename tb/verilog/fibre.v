// All lanes of one direction: words arrive DELAY (>= 1) cycles later, each bit inverted with
// probability BER_PPB / 10^9, independently.
module fibre #(
    parameter BITS = 256, DELAY = 1, BER_PPB = 0, SEED = 1
) (
    input clk, input rst, input [BITS-1:0] in, output [BITS-1:0] out, output [31:0] errors
);
    noisy_fibre #(.BITS(BITS), .DELAY(DELAY), .SEED(SEED)) noisy (
        .clk(clk), .rst(rst), .ber_ppb(BER_PPB), .in(in), .out(out), .errors(errors));
endmodule

// The same, with an error rate that may change while it runs.
module noisy_fibre #(
    parameter BITS = 256, DELAY = 1, SEED = 1
) (
    input clk, input rst, input [31:0] ber_ppb,
    input [BITS-1:0] in, output reg [BITS-1:0] out, output reg [31:0] errors
);
    reg [BITS-1:0] line [0:DELAY-1];
    reg [BITS-1:0] mask;
    integer at, seed, k;
    reg [31:0] rate;
    real gap;    // good bits until the next bad one: geometric, so each bit is independent

    function real draw(input dummy);
        draw = $floor($ln(($itor($random(seed)) + 2147483648.5) / 4294967296.0)
                      / $ln(1.0 - rate * 1.0e-9));
    endfunction

    initial begin
        seed = SEED;
        at = 0;
        errors = 0;
        out = 0;
        for (k = 0; k < DELAY; k = k + 1) line[k] = 0;
        gap = 0.0;
        rate = 0;
    end

    always @(posedge clk) if (!rst) begin
        mask = 0;
        if (rate != ber_ppb) begin
            rate = ber_ppb;
            if (rate > 0) gap = draw(0);
        end
        if (rate > 0) begin
            while (gap < BITS) begin
                mask[$rtoi(gap)] = 1;
                errors = errors + 1;
                gap = gap + 1.0 + draw(0);
            end
            gap = gap - BITS;
        end
        line[at] = in ^ mask;
        at = (at + 1) % DELAY;
        out <= line[at];
    end
endmodule
