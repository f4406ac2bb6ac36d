# What the scripts of this folder share. Sourced by bash; leaves the caller in the top of the clone, with `vigil` and `ranks` at hand.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() { # code, sentence
  printf '%s: %s\n' "${0##*/}" "$2" >&2
  exit "$1"
}

# Installs Debian packages that are missing; needs root or sudo for that alone. Other systems have what they stand for by other means, or
# the build says what it does not find.
need_packages() {
  local missing=() package
  command -v dpkg-query >/dev/null || return 0
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || fail 69 "the packages ${missing[*]} are missing and there is no apt-get; install what they stand for, then run this again"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || [ -t 0 ] || fail 77 "the packages ${missing[*]} are missing and this user may not install them; ask an administrator for: apt-get install ${missing[*]}"
    command -v sudo >/dev/null || fail 77 "the packages ${missing[*]} are missing and there is no sudo; ask an administrator for: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  echo "installing ${missing[*]}" >&2
  # a list of packages that is out of date is the commonest reason for a failure, so it is fetched anew
  "${as_root[@]}" apt-get update -qq >&2 || fail 69 "the list of packages cannot be fetched; see apt-get's message above"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null \
    || fail 69 "the packages ${missing[*]} cannot be installed; see apt-get's message above"
}

need_swift() {
  command -v swift >/dev/null || fail 69 "there is no swift on the PATH; install Swift 6.1 or later (swift.org), then run this again"
}

vigil_packages=(openmpi-bin libopenmpi-dev libhdf5-dev libopenblas-dev libssl-dev zlib1g-dev libpng-dev libjpeg62-turbo-dev pkg-config ca-certificates)

# mpirun for one machine: as root where that is who calls, without its own words about an error that vigil has explained.
ranks() { # number, command...
  local number=$1
  shift
  local more=()
  [ "$number" -gt "$(nproc)" ] && more=(--oversubscribe --bind-to none --mca mpi_yield_when_idle 1)
  # by its own name, where another MPI may be installed beside it
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "$(command -v mpirun.openmpi || echo mpirun)" -q -n "$number" "${more[@]}" "$@" </dev/null
}

vigil=.build/release/vigil

# Pins this process to two cores, as `cores`: the first processor of each that it may use.
two_cores() {
  cores=$(lscpu -p=cpu,core --online | grep -v '^#' | while IFS=, read -r cpu core; do
    taskset -c "$cpu" true 2>/dev/null && echo "$core $cpu"
  done | sort -sun -k1,1 | head -n 2 | cut -d' ' -f2 | paste -sd,)
  [[ $cores == *,* ]] || fail 69 "this process may use one core only; ${0##*/} needs two"
  taskset -cp "$cores" $$ >/dev/null
}

pip_install() { # python, what pip installs...
  "$1" -m pip install --disable-pip-version-check --quiet "${@:2}" >&2
}

# PyTorch and numpy for a Python: of an index that VIGIL_TORCH_INDEX names; else of wheels that pip is told of, which may be without CUDA;
# else of pip's own index. A way that fails leads to the next, hence `|| true`.
install_torch() { # python
  local torch=${VIGIL_TORCH:-torch}
  if [ -n "${VIGIL_TORCH_INDEX:-}" ]; then
    pip_install "$1" --index-url "$VIGIL_TORCH_INDEX" "$torch" || true # pip's own index is asked next
  else
    pip_install "$1" --no-index --no-deps "$torch" 2>/dev/null || true # most machines have no such wheels
  fi
  pip_install "$1" "$torch" numpy
}

# A virtual environment with onnxruntime and numpy, whose `python` it is: in VIGIL_ONNX, else in the user's cache; made where it is missing.
onnx_environment() {
  local place=${VIGIL_ONNX:-${XDG_CACHE_HOME:-$HOME/.cache}/vigil/onnx}
  python=$place/bin/python3
  if ! "$python" -c 'import onnxruntime, h5py' 2>/dev/null; then
    echo "making $place" >&2
    mkdir -p "$place"
    { python3 -m venv --clear "$place" && pip_install "$python" onnxruntime h5py; } \
      || fail 69 "onnxruntime cannot be installed in $place; see the messages above, or name another folder in VIGIL_ONNX"
  fi
}
