// Hot loops of Hybridize, in C, with run-time choice of the instruction set.
#ifndef CKERNELS_H
#define CKERNELS_H
#endif
