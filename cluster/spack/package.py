# For a site's own Spack repository: spack repo create site; copy this to site/packages/vigil/package.py; spack repo add site; then in a clone
# of Vigil: spack dev-build vigil@main. Spack has no package of Swift: a toolchain of 6.1 or later must be on the PATH.
from spack.package import *


class Vigil(Package):
    """Trains anomaly detectors on many ranks: the same bytes on any number of them."""

    version("main")

    depends_on("mpi")
    depends_on("hdf5@1.10: ~mpi")
    depends_on("openblas")
    depends_on("openssl")
    depends_on("zlib-api")
    depends_on("libpng")
    depends_on("libjpeg")
    depends_on("pkgconfig", type="build")
    depends_on("binutils", type="build")

    def setup_build_environment(self, env):
        env.set("VIGIL_MPI", "mpich" if self.spec.satisfies("^mpich") else "ompi-c")
        env.set("VIGIL_HDF5", "hdf5")

    def install(self, spec, prefix):
        Executable("cluster/install")(prefix)
