#ifndef CJPEG_SHIM_H
#define CJPEG_SHIM_H
#include <stddef.h>
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>
#include <setjmp.h>

// libjpeg's error handlers must not return, and Swift's frames must not be left by longjmp: this function is the frame they leave.

typedef struct {
    struct jpeg_error_mgr manager;
    jmp_buf leave;
    char *message;  // of JMSG_LENGTH_MAX bytes
} vigil_jpeg_error;

static inline void vigil_jpeg_fail(j_common_ptr info) {
    vigil_jpeg_error *error = (vigil_jpeg_error *)info->err;
    error->manager.format_message(info, error->message);
    longjmp(error->leave, 1);
}

// A warning means that data are damaged or missing, which libjpeg would fill with gray.
static inline void vigil_jpeg_warn(j_common_ptr info, int level) {
    if (level < 0) vigil_jpeg_fail(info);
}

// Decodes `count` bytes of baseline or progressive JPEG. With `pixels` null only width, height and channels (1 gray, 3 colors) are found;
// otherwise the bytes go there, row after row. Returns 0, or 1 with a message.
static inline int vigil_jpeg_decode(
    const unsigned char *bytes, unsigned long count, unsigned extents[3], unsigned char *pixels, char message[JMSG_LENGTH_MAX]) {
    struct jpeg_decompress_struct info;
    vigil_jpeg_error error;
    info.err = jpeg_std_error(&error.manager);
    error.manager.error_exit = vigil_jpeg_fail;
    error.manager.emit_message = vigil_jpeg_warn;
    error.message = message;
    if (setjmp(error.leave)) {
        jpeg_destroy_decompress(&info);
        return 1;
    }
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, bytes, count);
    jpeg_read_header(&info, TRUE);
    info.out_color_space = info.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    info.dct_method = JDCT_ISLOW;
    jpeg_calc_output_dimensions(&info);
    extents[0] = info.output_width;
    extents[1] = info.output_height;
    extents[2] = (unsigned)info.output_components;
    if (pixels) {
        jpeg_start_decompress(&info);
        while (info.output_scanline < info.output_height) {
            JSAMPROW row = pixels + (size_t)info.output_scanline * extents[0] * extents[2];
            jpeg_read_scanlines(&info, &row, 1);
        }
        jpeg_finish_decompress(&info);
    }
    jpeg_destroy_decompress(&info);
    return 0;
}
#endif
