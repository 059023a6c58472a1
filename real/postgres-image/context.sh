#!/bin/sh
# Turns a directory holding Dockerfile and entrypoint.sh into a Docker build context:
# writes DIR/context.tar, which has a root file system of Debian packages in it.
#
#     sh context.sh DIR
#
# Needs apt-get and dpkg-deb (Debian, Ubuntu) and a package mirror; not root, not debootstrap.
set -eu
dir=$1
root=$dir/root
mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
: > "$dir/apt/status"

# An empty dpkg status makes apt resolve the whole closure, libc included, as if nothing
# were installed on this machine. Locks are off because only root may take them.
apt() {
    apt-get -qy -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" \
        -o APT::Install-Recommends=false \
        -o Dir::State::status="$dir/apt/status" -o Dir::Cache="$dir/apt/cache" "$@"
}
packages='postgresql coreutils dash libc-bin sed util-linux'
# The machine's own package lists may be missing or stale: then fetch a private copy.
if ! apt --download-only install $packages > "$dir/apt/log" 2>&1; then
    apt -o Dir::State::lists="$dir/apt/lists" update >> "$dir/apt/log" 2>&1 &&
    apt -o Dir::State::lists="$dir/apt/lists" --download-only install $packages \
        >> "$dir/apt/log" 2>&1 || { tail -n 20 "$dir/apt/log" >&2; exit 1; }
fi

for merged in bin sbin lib lib64; do
    mkdir -p "$root/usr/$merged"
    ln -s "usr/$merged" "$root/$merged"
done
for deb in "$dir"/apt/cache/archives/*.deb; do
    case ${deb##*/} in
        # Just-in-time compilation, and what only installation scripts use: two thirds of the size.
        libllvm* | libz3* | perl* | libperl* | lib*-perl_* | locales* | libc-l10n* | openssl_* | \
            debconf* | dpkg_*) continue ;;
    esac
    dpkg-deb --fsys-tarfile "$deb" | tar --extract --directory="$root" --keep-directory-symlink \
        --no-same-owner --exclude='./usr/share/doc' --exclude='./usr/share/man' \
        --exclude='./usr/share/locale' --exclude='*/bitcode' --exclude='*llvmjit*'
done

printf '%s\n' 'root:x:0:0::/root:/bin/sh' 'postgres:x:999:999::/var/lib/postgresql:/bin/sh' \
    > "$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'postgres:x:999:' > "$root/etc/group"
ln -sf dash "$root/usr/bin/sh"
mkdir -p "$root/usr/local/bin" "$root/var/lib"
# Whichever major version the distribution has: its programs find their files from there.
for program in "$root"/usr/lib/postgresql/*/bin/*; do
    ln -s "${program#"$root"}" "$root/usr/local/bin/${program##*/}"
done

# Owners are given in the archive, as only root can give them in a directory.
mkdir -p "$dir/owned/tmp" "$dir/owned/run/postgresql" "$dir/owned/var/lib/postgresql/data" \
    "$dir/owned/usr/share/postgresql/template"
chmod 1777 "$dir/owned/tmp"
chmod 700 "$dir/owned/var/lib/postgresql/data" "$dir/owned/usr/share/postgresql/template"
rm -rf "$root/tmp" "$root/run" "$root/var/run" "$root/var/lib/postgresql"
ln -s ../run "$root/var/run"
tar --create --file="$dir/rootfs.tar" --directory="$root" --owner=0 --group=0 .
tar --append --file="$dir/rootfs.tar" --directory="$dir/owned" --owner=0 --group=0 tmp
tar --append --file="$dir/rootfs.tar" --directory="$dir/owned" --owner=999 --group=999 \
    run/postgresql var/lib/postgresql usr/share/postgresql/template
tar --create --file="$dir/context.tar" --directory="$dir" Dockerfile entrypoint.sh rootfs.tar
