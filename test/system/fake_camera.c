/* A camera for hosts without Video4Linux2, in place of the kernel's: preloaded, it answers for the device that
 * FAKE_CAMERA names. It gives the pictures of the folder FAKE_PICTURES (00.jpg, 01.jpg, ... 09.jpg) over and over, 25 a
 * second, in buffers that are mapped; FAKE_FORMAT=YUYV makes it one without JPEGs. When the file FAKE_UNPLUGGED exists,
 * it is unplugged. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { BUFFERS = 4, BYTES = 1 << 20 };
static int camera = -1, memory = -1, queued[BUFFERS], count, next_picture;
static unsigned pixel_format = V4L2_PIX_FMT_MJPEG;

static int is_unplugged(void) {
  const char* mark = getenv("FAKE_UNPLUGGED");
  return mark != NULL && access(mark, F_OK) == 0;
}

static int open_camera(const char* path, int flags, mode_t mode) {
  static int (*real)(const char*, int, ...);
  if (real == NULL) real = (int (*)(const char*, int, ...))dlsym(RTLD_NEXT, "open64");
  const char* mine = getenv("FAKE_CAMERA");
  if (mine == NULL || strcmp(path, mine) != 0) return real(path, flags, mode);
  if (is_unplugged()) return errno = ENOENT, -1;
  camera = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  memory = memfd_create("camera", MFD_CLOEXEC);
  if (ftruncate(memory, BUFFERS * BYTES) != 0) return -1;
  memset(queued, 0, sizeof queued);
  count = 0;
  return camera;
}

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open_camera(path, flags, mode);
}
int open64(const char* path, int flags, ...) __attribute__((alias("open")));

void* mmap(void* address, size_t bytes, int protection, int flags, int fd, off_t offset) {
  static void* (*real)(void*, size_t, int, int, int, off_t);
  if (real == NULL) real = (void* (*)(void*, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap64");
  return real(address, bytes, protection, flags, fd == camera && fd >= 0 ? memory : fd, offset);
}
void* mmap64(void*, size_t, int, int, int, off_t) __attribute__((alias("mmap")));

static int take(struct v4l2_buffer* buffer) {
  unsigned long long ticks;
  if (is_unplugged()) return errno = ENODEV, -1;
  if (read(camera, &ticks, sizeof ticks) < 0) return errno = EAGAIN, -1;
  for (int i = 0; i < BUFFERS; ++i) {
    if (!queued[i]) continue;
    queued[i] = 0;
    char path[512];
    snprintf(path, sizeof path, "%s/%02d.jpg", getenv("FAKE_PICTURES"), next_picture++ % 10);
    static char picture[BYTES];
    FILE* file = fopen(path, "rb");
    if (file == NULL) return errno = EIO, -1;
    const size_t got = fread(picture, 1, BYTES, file);
    fclose(file);
    if (pwrite(memory, picture, got, (off_t)i * BYTES) != (ssize_t)got) return -1;
    buffer->index = (unsigned)i;
    buffer->bytesused = (unsigned)got;
    buffer->flags = 0;
    return 0;
  }
  return errno = EAGAIN, -1;
}

int ioctl(int fd, unsigned long request, ...) {
  static int (*real)(int, unsigned long, ...);
  if (real == NULL) real = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
  va_list more;
  va_start(more, request);
  void* argument = va_arg(more, void*);
  va_end(more);
  if (fd != camera || fd < 0) return real(fd, request, argument);
  const struct itimerspec period = {{0, 40000000}, {0, 40000000}};
  switch ((unsigned)request) {  // some callers keep it in an int
    case VIDIOC_QUERYCAP:
      ((struct v4l2_capability*)argument)->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
      return 0;
    case VIDIOC_ENUM_FMT:
      if (((struct v4l2_fmtdesc*)argument)->index > 0) return errno = EINVAL, -1;
      ((struct v4l2_fmtdesc*)argument)->pixelformat = V4L2_PIX_FMT_YUYV;
      return 0;
    case VIDIOC_S_FMT:
    case VIDIOC_G_FMT: {
      struct v4l2_pix_format* pix = &((struct v4l2_format*)argument)->fmt.pix;
      if (getenv("FAKE_FORMAT") != NULL) pixel_format = V4L2_PIX_FMT_YUYV;
      pix->pixelformat = pixel_format;
      pix->width = 320;
      pix->height = 180;
      return 0;
    }
    case VIDIOC_S_PARM:
    case VIDIOC_G_PARM:
      ((struct v4l2_streamparm*)argument)->parm.capture.timeperframe = (struct v4l2_fract){1, 25};
      return 0;
    case VIDIOC_REQBUFS:
      count = (int)(((struct v4l2_requestbuffers*)argument)->count = BUFFERS);
      return 0;
    case VIDIOC_QUERYBUF:
      ((struct v4l2_buffer*)argument)->length = BYTES;
      ((struct v4l2_buffer*)argument)->m.offset = ((struct v4l2_buffer*)argument)->index * BYTES;
      return 0;
    case VIDIOC_QBUF:
      queued[((struct v4l2_buffer*)argument)->index] = 1;
      return 0;
    case VIDIOC_S_INPUT:
      return 0;
    case VIDIOC_STREAMON:
      return timerfd_settime(camera, 0, &period, NULL);
    case VIDIOC_STREAMOFF:
      camera = -1;
      return 0;
    case VIDIOC_DQBUF:
      return take(argument);
    default:
      return errno = ENOTTY, -1;
  }
}
