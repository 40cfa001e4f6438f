// The fault of a broken link, by number; 0 is none.
module soak_mutation(output reg [3:0] number);
    initial if (!$value$plusargs("mutation=%d", number)) number = 0;
endmodule
