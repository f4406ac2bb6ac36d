#ifndef COPENBLAS_SHIM_H
#define COPENBLAS_SHIM_H
#include <cblas.h>
// Debian's OpenBLAS holds LAPACK but brings no C header for it; this is the Fortran interface of its documentation, with
// the hidden lengths of the character arguments.
void dsyevd_(const char *job, const char *triangle, const int *n, double *a, const int *leading, double *values, double *work,
             const int *workCount, int *integerWork, const int *integerWorkCount, int *info, unsigned long jobLength, unsigned long triangleLength);
// Cholesky factor and solution of positive definite systems.
void dpotrf_(const char *triangle, const int *n, double *a, const int *leading, int *info, unsigned long triangleLength);
void dpotrs_(const char *triangle, const int *n, const int *rightSides, const double *a, const int *leading, double *b, const int *bLeading, int *info,
             unsigned long triangleLength);
// Solution of any symmetric system.
void dsysv_(const char *triangle, const int *n, const int *rightSides, double *a, const int *leading, int *pivots, double *b, const int *bLeading,
            double *work, const int *workCount, int *info, unsigned long triangleLength);
// A matrix as a lower triangle times an orthogonal one.
void dgelqf_(const int *rows, const int *columns, double *a, const int *leading, double *scales, double *work, const int *workCount, int *info);
#endif
