#ifndef CPNG_SHIM_H
#define CPNG_SHIM_H
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

// libpng reports errors by longjmp, which must not leave Swift's frames: these functions are the frame it may leave.

typedef struct {
    const unsigned char *bytes;
    size_t count, place;
    char *message;  // of 200 bytes
} vigil_png_input;

static inline void vigil_png_read(png_structp png, png_bytep to, size_t count) {
    vigil_png_input *input = (vigil_png_input *)png_get_io_ptr(png);
    if (count > input->count - input->place) png_error(png, "the file ends too early");
    memcpy(to, input->bytes + input->place, count);
    input->place += count;
}

static inline void vigil_png_fail(png_structp png, png_const_charp text) {
    vigil_png_input *input = (vigil_png_input *)png_get_error_ptr(png);
    strncpy(input->message, text, 199);
    png_longjmp(png, 1);
}

static inline void vigil_png_ignore(png_structp png, png_const_charp text) { (void)png, (void)text; }

// Decodes `count` bytes. With `pixels` null only width, height, channels (1 gray, 3 colors) and bits (8 or 16) are found; otherwise the
// numbers go there, row after row, 16 bits in the byte order of the machine. Palettes and fewer bits become 8, opacity is left out.
// Returns 0, or 1 with a message.
static inline int vigil_png_decode(
    const unsigned char *bytes, size_t count, unsigned extents[4], void *pixels, char message[200]) {
    vigil_png_input input = {bytes, count, 0, message};
    png_bytep *volatile rows = NULL;
    png_infop info = NULL;
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &input, vigil_png_fail, vigil_png_ignore);
    if (!png) return strncpy(message, "there is no memory", 199), 1;
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_read_struct(&png, &info, NULL);
        free((void *)rows);
        return 1;
    }
    info = png_create_info_struct(png);
    if (!info) png_error(png, "there is no memory");
    png_set_read_fn(png, &input, vigil_png_read);
    png_read_info(png, info);
    png_set_expand(png);
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    unsigned one = 1;
    if (*(unsigned char *)&one && png_get_bit_depth(png, info) == 16) png_set_swap(png);
    png_read_update_info(png, info);
    extents[0] = png_get_image_width(png, info);
    extents[1] = png_get_image_height(png, info);
    extents[2] = png_get_channels(png, info);
    extents[3] = png_get_bit_depth(png, info);
    if (pixels) {
        size_t stride = png_get_rowbytes(png, info);
        rows = (png_bytep *)malloc(extents[1] * sizeof(png_bytep));
        if (!rows) png_error(png, "there is no memory");
        for (unsigned row = 0; row < extents[1]; row++) rows[row] = (png_bytep)pixels + row * stride;
        png_read_image(png, rows);
        png_read_end(png, NULL);
    }
    png_destroy_read_struct(&png, &info, NULL);
    free((void *)rows);
    return 0;
}
#endif
