// Runs the clocks of the soak: much faster than clocks made of Verilog delays.
#include "Vsoak.h"
#include "verilated.h"

int main(int argc, char** argv) {
    VerilatedContext context;
    context.commandArgs(argc, argv);
    Vsoak top{&context};
    while (!context.gotFinish()) {
        top.clk = top.clk_a = top.clk_b = 0;
        top.eval();
        // An end that is frozen misses the edge.
        top.clk_a = !top.frozen_a;
        top.clk_b = !top.frozen_b;
        top.clk = 1;
        top.eval();
    }
    top.final();
}
