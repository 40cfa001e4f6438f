// The clock of a rack, for a simulator without a program around it.
module rack_clock;
    reg clk;
    rack_harness rack (.clk(clk));
    initial begin
        clk = 0;
        forever #1 clk = ~clk;
    end
endmodule
