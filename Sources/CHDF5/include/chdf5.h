// libhdf5, opened at run time: nothing to link, no load time for those who do not write HDF5, and no header of the
// library needed to build. Only what writing checkpoints takes: files of strangers are never given to it.
//
// Every function that returns an int gives 0, or a value of errno where the system said why, or -1. One lock is around
// all of them, as libhdf5 may not be thread-safe. No identifier is left open but those that are handed out.
#ifndef CHDF5_H
#define CHDF5_H

#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

typedef struct chdf5_library chdf5_library;

/// Opens the library `name`, of release 1.10.3 or newer. Without it null, and why in `reason`.
chdf5_library *_Nullable chdf5_open(const char *_Nonnull name, char *_Nonnull reason, size_t reason_size);

/// Frees what `chdf5_open` has made. The library itself stays loaded: it cannot be unloaded safely.
void chdf5_free(chdf5_library *_Nonnull library);

/// What elements are; all little-endian.
enum chdf5_type {
  chdf5_int8,
  chdf5_int16,
  chdf5_int32,
  chdf5_int64,
  chdf5_uint8,
  chdf5_uint16,
  chdf5_uint32,
  chdf5_uint64,
  chdf5_float16,
  chdf5_bfloat16,
  chdf5_float32,
  chdf5_float64,
  /// An enumeration of FALSE and TRUE, as h5py has it.
  chdf5_bool,
  /// Two bytes without a meaning.
  chdf5_opaque16,
};

/// A step of a dataset's pipeline. Chunks are written encoded: the library only notes the step.
struct chdf5_filter {
  int identifier;
  unsigned value_count;
  unsigned value;
};

struct chdf5_dataset {
  const char *_Nonnull path;
  enum chdf5_type type;
  unsigned rank;
  const uint64_t *_Nullable shape;
  /// Of a chunk; null for a dataset that lies in one piece, for which the room is made at once.
  const uint64_t *_Nullable chunk;
  const struct chdf5_filter *_Nullable filters;
  unsigned filter_count;
};

/// Makes a file, or empties the one that is there.
int chdf5_create_file(const chdf5_library *_Nonnull library, const char *_Nonnull path, int64_t *_Nonnull file);

/// Closes a file with all that is open of it. The file is complete when this has returned 0.
int chdf5_close_file(const chdf5_library *_Nonnull library, int64_t file);

/// Makes a group; the one that it lies in is there.
int chdf5_create_group(const chdf5_library *_Nonnull library, int64_t file, const char *_Nonnull path);

/// Makes a dataset whose group is there, and leaves it open.
int chdf5_create_dataset(
    const chdf5_library *_Nonnull library, int64_t file, const struct chdf5_dataset *_Nonnull description,
    int64_t *_Nonnull dataset);

int chdf5_close_dataset(const chdf5_library *_Nonnull library, int64_t dataset);

/// Where in the file the bytes of a dataset lie that is in one piece and not empty.
int chdf5_data_offset(const chdf5_library *_Nonnull library, int64_t dataset, uint64_t *_Nonnull offset);

/// Writes a chunk that has gone through the filters. `place` is the position of its first element.
int chdf5_write_chunk(
    const chdf5_library *_Nonnull library, int64_t dataset, const uint64_t *_Nonnull place,
    const void *_Nonnull bytes, size_t count);

/// Gives an object an attribute with a text.
int chdf5_write_text(
    const chdf5_library *_Nonnull library, int64_t file, const char *_Nonnull object, const char *_Nonnull name,
    const char *_Nonnull text);

/// Gives an object an attribute with a list of texts of `width` bytes each, padded with zeros.
int chdf5_write_texts(
    const chdf5_library *_Nonnull library, int64_t file, const char *_Nonnull object, const char *_Nonnull name,
    const char *_Nonnull texts, size_t width, uint64_t count);

/// Gives an object an attribute with an integer.
int chdf5_write_integer(
    const chdf5_library *_Nonnull library, int64_t file, const char *_Nonnull object, const char *_Nonnull name,
    int64_t value);

#if defined(__cplusplus)
}
#endif
#endif
