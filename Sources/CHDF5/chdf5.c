#include "chdf5.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

// The types of libhdf5 since release 1.10.
typedef int64_t hid_t;
typedef int herr_t;
typedef unsigned long long hsize_t;

// Constants of its headers.
enum {
  file_truncate = 2,
  close_strong = 3,
  allocate_early = 1,
  fill_never = 1,
  filter_optional = 1,
  space_scalar = 0,
  class_opaque = 5,
  pad_null = 1,
  charset_utf8 = 1,
};

#define FUNCTIONS(X)                                                                     \
  X(herr_t, H5get_libversion, (unsigned *, unsigned *, unsigned *))                      \
  X(herr_t, H5dont_atexit, (void))                                                       \
  X(herr_t, H5open, (void))                                                              \
  X(herr_t, H5Eset_auto2, (hid_t, void *, void *))                                       \
  X(herr_t, H5PLset_loading_state, (unsigned))                                           \
  X(hid_t, H5Pcreate, (hid_t))                                                           \
  X(herr_t, H5Pclose, (hid_t))                                                           \
  X(herr_t, H5Pset_fclose_degree, (hid_t, int))                                          \
  X(herr_t, H5Pset_alignment, (hid_t, hsize_t, hsize_t))                                 \
  X(herr_t, H5Pset_obj_track_times, (hid_t, bool))                                       \
  X(herr_t, H5Pset_alloc_time, (hid_t, int))                                             \
  X(herr_t, H5Pset_fill_time, (hid_t, int))                                              \
  X(herr_t, H5Pset_chunk, (hid_t, int, const hsize_t *))                                 \
  X(herr_t, H5Pset_filter, (hid_t, int, unsigned, size_t, const unsigned *))             \
  X(hid_t, H5Fcreate, (const char *, unsigned, hid_t, hid_t))                            \
  X(herr_t, H5Fclose, (hid_t))                                                           \
  X(hid_t, H5Gcreate2, (hid_t, const char *, hid_t, hid_t, hid_t))                       \
  X(herr_t, H5Gclose, (hid_t))                                                           \
  X(hid_t, H5Screate, (int))                                                             \
  X(hid_t, H5Screate_simple, (int, const hsize_t *, const hsize_t *))                    \
  X(herr_t, H5Sclose, (hid_t))                                                           \
  X(hid_t, H5Tcreate, (int, size_t))                                                     \
  X(hid_t, H5Tcopy, (hid_t))                                                             \
  X(herr_t, H5Tclose, (hid_t))                                                           \
  X(herr_t, H5Tset_fields, (hid_t, size_t, size_t, size_t, size_t, size_t))              \
  X(herr_t, H5Tset_ebias, (hid_t, size_t))                                               \
  X(herr_t, H5Tset_size, (hid_t, size_t))                                                \
  X(herr_t, H5Tset_strpad, (hid_t, int))                                                 \
  X(herr_t, H5Tset_cset, (hid_t, int))                                                   \
  X(hid_t, H5Tenum_create, (hid_t))                                                      \
  X(herr_t, H5Tenum_insert, (hid_t, const char *, const void *))                         \
  X(hid_t, H5Dcreate2, (hid_t, const char *, hid_t, hid_t, hid_t, hid_t, hid_t))         \
  X(herr_t, H5Dclose, (hid_t))                                                           \
  X(uint64_t, H5Dget_offset, (hid_t))                                                    \
  X(herr_t, H5Dwrite_chunk, (hid_t, hid_t, uint32_t, const hsize_t *, size_t, const void *)) \
  X(hid_t, H5Acreate_by_name, (hid_t, const char *, const char *, hid_t, hid_t, hid_t, hid_t, hid_t)) \
  X(herr_t, H5Awrite, (hid_t, hid_t, const void *))                                      \
  X(herr_t, H5Aclose, (hid_t))

// Variables in which the library keeps the identifiers of what it defines itself; filled by H5open.
#define IDENTIFIERS(X)                                                                              \
  X(H5T_STD_I8LE_g) X(H5T_STD_I16LE_g) X(H5T_STD_I32LE_g) X(H5T_STD_I64LE_g) X(H5T_STD_U8LE_g)      \
  X(H5T_STD_U16LE_g) X(H5T_STD_U32LE_g) X(H5T_STD_U64LE_g) X(H5T_IEEE_F32LE_g) X(H5T_IEEE_F64LE_g)  \
  X(H5T_C_S1_g) X(H5P_CLS_FILE_ACCESS_ID_g) X(H5P_CLS_FILE_CREATE_ID_g)       \
  X(H5P_CLS_GROUP_CREATE_ID_g) X(H5P_CLS_DATASET_CREATE_ID_g)

struct chdf5_library {
#define MEMBER(result, name, arguments) result(*name) arguments;
  FUNCTIONS(MEMBER)
#undef MEMBER
#define MEMBER(name) hid_t name;
  IDENTIFIERS(MEMBER)
#undef MEMBER
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/// Takes the lock. Where the library is thread-safe it prints errors thread by thread, so each is told not to.
static void enter(const chdf5_library *library) {
  pthread_mutex_lock(&lock);
  library->H5Eset_auto2(0, NULL, NULL);
  errno = 0;
}

/// Gives the lock back and says how it went. Of errno only what a full or broken disk says is believed: on its way
/// the library tries much that may fail.
static int leave(bool is_good) {
  int code = errno;
  pthread_mutex_unlock(&lock);
  if (is_good) return 0;
  return code == ENOSPC || code == EFBIG || code == EDQUOT || code == EIO || code == EROFS ? code : -1;
}

static bool set_up(chdf5_library *library, void *handle, char *reason, size_t size) {
#define FIND(result, name, arguments)                                    \
  library->name = (result(*) arguments)dlsym(handle, #name);             \
  if (!library->name) {                                                  \
    snprintf(reason, size, "it has no " #name ", so it is too old");      \
    return false;                                                        \
  }
  FUNCTIONS(FIND)
#undef FIND
  // Before any other call, which would start the library: what is still open when the program ends is what could not be
  // closed, and release 1.10.8 crashes at the second try.
  library->H5dont_atexit();
  unsigned version[3];
  if (library->H5get_libversion(&version[0], &version[1], &version[2]) < 0 || version[0] < 1 ||
      (version[0] == 1 && version[1] < 10)) {
    snprintf(reason, size, "it is release %u.%u.%u", version[0], version[1], version[2]);
    return false;
  }
  if (library->H5open() < 0) {
    snprintf(reason, size, "it does not start");
    return false;
  }
  library->H5Eset_auto2(0, NULL, NULL);
  // No code from wherever HDF5_PLUGIN_PATH leads.
  library->H5PLset_loading_state(0);
#define FIND(name)                                            \
  {                                                           \
    const hid_t *variable = (const hid_t *)dlsym(handle, #name); \
    if (!variable) {                                          \
      snprintf(reason, size, "it has no " #name);             \
      return false;                                           \
    }                                                         \
    library->name = *variable;                                \
  }
  IDENTIFIERS(FIND)
#undef FIND
  return true;
}

chdf5_library *chdf5_open(const char *name, char *reason, size_t reason_size) {
  pthread_mutex_lock(&lock);
  chdf5_library *library = NULL;
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *text = dlerror();
    snprintf(reason, reason_size, "%s", text ? text : "no reason given");
  } else {
    library = calloc(1, sizeof *library);
    if (!library) abort();
    if (!set_up(library, handle, reason, reason_size)) {
      free(library);
      library = NULL;
    }
  }
  pthread_mutex_unlock(&lock);
  return library;
}

void chdf5_free(chdf5_library *library) { free(library); }

// MARK: Files and groups

int chdf5_create_file(const chdf5_library *library, const char *path, int64_t *file) {
  enter(library);
  hid_t access = library->H5Pcreate(library->H5P_CLS_FILE_ACCESS_ID_g);
  hid_t creation = library->H5Pcreate(library->H5P_CLS_FILE_CREATE_ID_g);
  // Data that is worth mapping begins at a line of the cache.
  bool is_good = access >= 0 && creation >= 0 && library->H5Pset_fclose_degree(access, close_strong) >= 0 &&
                 library->H5Pset_alignment(access, 1024, 64) >= 0 &&
                 library->H5Pset_obj_track_times(creation, false) >= 0;
  *file = is_good ? library->H5Fcreate(path, file_truncate, creation, access) : -1;
  is_good = *file >= 0;
  if (creation >= 0) library->H5Pclose(creation);
  if (access >= 0) library->H5Pclose(access);
  return leave(is_good);
}

int chdf5_close_file(const chdf5_library *library, int64_t file) {
  enter(library);
  return leave(library->H5Fclose(file) >= 0);
}

int chdf5_create_group(const chdf5_library *library, int64_t file, const char *path) {
  enter(library);
  hid_t creation = library->H5Pcreate(library->H5P_CLS_GROUP_CREATE_ID_g);
  hid_t group = -1;
  if (creation >= 0 && library->H5Pset_obj_track_times(creation, false) >= 0)
    group = library->H5Gcreate2(file, path, 0, creation, 0);
  bool is_good = group >= 0;
  if (group >= 0) is_good = library->H5Gclose(group) >= 0;
  if (creation >= 0) library->H5Pclose(creation);
  return leave(is_good);
}

// MARK: Datasets

static hid_t make_float(const chdf5_library *library, size_t exponent_bits, size_t bias) {
  hid_t type = library->H5Tcopy(library->H5T_IEEE_F32LE_g);
  size_t mantissa_bits = 15 - exponent_bits;
  if (type >= 0 &&
      (library->H5Tset_fields(type, 15, mantissa_bits, exponent_bits, 0, mantissa_bits) < 0 ||
       library->H5Tset_size(type, 2) < 0 || library->H5Tset_ebias(type, bias) < 0)) {
    library->H5Tclose(type);
    return -1;
  }
  return type;
}

static hid_t make_bool(const chdf5_library *library) {
  hid_t type = library->H5Tenum_create(library->H5T_STD_I8LE_g);
  const int8_t values[] = {0, 1};
  if (type >= 0 && (library->H5Tenum_insert(type, "FALSE", &values[0]) < 0 ||
                    library->H5Tenum_insert(type, "TRUE", &values[1]) < 0)) {
    library->H5Tclose(type);
    return -1;
  }
  return type;
}

/// A type that the caller closes.
static hid_t make_type(const chdf5_library *library, enum chdf5_type type) {
  switch (type) {
    case chdf5_int8: return library->H5Tcopy(library->H5T_STD_I8LE_g);
    case chdf5_int16: return library->H5Tcopy(library->H5T_STD_I16LE_g);
    case chdf5_int32: return library->H5Tcopy(library->H5T_STD_I32LE_g);
    case chdf5_int64: return library->H5Tcopy(library->H5T_STD_I64LE_g);
    case chdf5_uint8: return library->H5Tcopy(library->H5T_STD_U8LE_g);
    case chdf5_uint16: return library->H5Tcopy(library->H5T_STD_U16LE_g);
    case chdf5_uint32: return library->H5Tcopy(library->H5T_STD_U32LE_g);
    case chdf5_uint64: return library->H5Tcopy(library->H5T_STD_U64LE_g);
    case chdf5_float32: return library->H5Tcopy(library->H5T_IEEE_F32LE_g);
    case chdf5_float64: return library->H5Tcopy(library->H5T_IEEE_F64LE_g);
    case chdf5_float16: return make_float(library, 5, 15);
    case chdf5_bfloat16: return make_float(library, 8, 127);
    case chdf5_bool: return make_bool(library);
    case chdf5_opaque16: return library->H5Tcreate(class_opaque, 2);
  }
  return -1;
}

static bool set_storage(const chdf5_library *library, hid_t creation, const struct chdf5_dataset *description) {
  if (library->H5Pset_obj_track_times(creation, false) < 0 || library->H5Pset_fill_time(creation, fill_never) < 0)
    return false;
  if (!description->chunk) return library->H5Pset_alloc_time(creation, allocate_early) >= 0;
  if (library->H5Pset_chunk(creation, (int)description->rank, (const hsize_t *)description->chunk) < 0) return false;
  for (unsigned i = 0; i < description->filter_count; i++) {
    const struct chdf5_filter *filter = &description->filters[i];
    // Optional, or the library would ask for filters that only readers need.
    if (library->H5Pset_filter(creation, filter->identifier, filter_optional, filter->value_count, &filter->value) < 0)
      return false;
  }
  return true;
}

int chdf5_create_dataset(
    const chdf5_library *library, int64_t file, const struct chdf5_dataset *description, int64_t *dataset) {
  enter(library);
  *dataset = -1;
  hid_t type = make_type(library, description->type);
  hid_t space = description->rank == 0 ? library->H5Screate(space_scalar)
                                       : library->H5Screate_simple(
                                             (int)description->rank, (const hsize_t *)description->shape, NULL);
  hid_t creation = library->H5Pcreate(library->H5P_CLS_DATASET_CREATE_ID_g);
  if (type >= 0 && space >= 0 && creation >= 0 && set_storage(library, creation, description))
    *dataset = library->H5Dcreate2(file, description->path, type, space, 0, creation, 0);
  if (creation >= 0) library->H5Pclose(creation);
  if (space >= 0) library->H5Sclose(space);
  if (type >= 0) library->H5Tclose(type);
  return leave(*dataset >= 0);
}

int chdf5_close_dataset(const chdf5_library *library, int64_t dataset) {
  enter(library);
  return leave(library->H5Dclose(dataset) >= 0);
}

int chdf5_data_offset(const chdf5_library *library, int64_t dataset, uint64_t *offset) {
  enter(library);
  *offset = library->H5Dget_offset(dataset);
  return leave(*offset != UINT64_MAX);
}

int chdf5_write_chunk(
    const chdf5_library *library, int64_t dataset, const uint64_t *place, const void *bytes, size_t count) {
  enter(library);
  return leave(library->H5Dwrite_chunk(dataset, 0, 0, (const hsize_t *)place, count, bytes) >= 0);
}

// MARK: Attributes

/// Writes an attribute and closes `type` and `space`.
static int write_attribute(
    const chdf5_library *library, int64_t file, const char *object, const char *name, hid_t type, hid_t space,
    const void *value) {
  bool is_good = false;
  if (type >= 0 && space >= 0) {
    hid_t attribute = library->H5Acreate_by_name(file, object, name, type, space, 0, 0, 0);
    if (attribute >= 0) {
      is_good = library->H5Awrite(attribute, type, value) >= 0;
      is_good = library->H5Aclose(attribute) >= 0 && is_good;
    }
  }
  if (space >= 0) library->H5Sclose(space);
  if (type >= 0) library->H5Tclose(type);
  return leave(is_good);
}

/// A type for texts of `size` bytes; SIZE_MAX stands for any length.
static hid_t make_text(const chdf5_library *library, size_t size) {
  hid_t type = library->H5Tcopy(library->H5T_C_S1_g);
  if (type >= 0 && (library->H5Tset_size(type, size) < 0 || library->H5Tset_cset(type, charset_utf8) < 0 ||
                    (size != SIZE_MAX && library->H5Tset_strpad(type, pad_null) < 0))) {
    library->H5Tclose(type);
    return -1;
  }
  return type;
}

int chdf5_write_text(
    const chdf5_library *library, int64_t file, const char *object, const char *name, const char *text) {
  enter(library);
  hid_t type = make_text(library, SIZE_MAX);
  return write_attribute(library, file, object, name, type, library->H5Screate(space_scalar), &text);
}

int chdf5_write_texts(
    const chdf5_library *library, int64_t file, const char *object, const char *name, const char *texts, size_t width,
    uint64_t count) {
  enter(library);
  hsize_t shape = count;
  hid_t type = make_text(library, width);
  return write_attribute(library, file, object, name, type, library->H5Screate_simple(1, &shape, NULL), texts);
}

int chdf5_write_integer(
    const chdf5_library *library, int64_t file, const char *object, const char *name, int64_t value) {
  enter(library);
  hid_t type = library->H5Tcopy(library->H5T_STD_I64LE_g);
  return write_attribute(library, file, object, name, type, library->H5Screate(space_scalar), &value);
}
