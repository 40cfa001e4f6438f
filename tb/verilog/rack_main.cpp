// Runs the clock of a rack.
#include "Vrack_harness.h"
#include "verilated.h"

int main(int argc, char** argv) {
    VerilatedContext context;
    context.commandArgs(argc, argv);
    Vrack_harness top{&context};
    while (!context.gotFinish()) {
        top.clk = 0;
        top.eval();
        context.timeInc(1);
        top.clk = 1;
        top.eval();
        context.timeInc(1);
    }
    top.final();
}
