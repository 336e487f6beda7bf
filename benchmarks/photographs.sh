#!/bin/sh
# Fetch ordinary photographs for the benchmarks into a folder (default build/photographs): the pictures of Debian's
# wallpaper packages and of scikit-learn and scikit-image. They are never committed. About 250 MB are downloaded.
#
#   sh benchmarks/photographs.sh [FOLDER]
set -eu

folder=${1:-build/photographs}
packages="gnome-backgrounds lomiri-wallpapers-16.04 lomiri-wallpapers-20.04 mate-backgrounds ukui-wallpapers
plasma-workspace-wallpapers sway-backgrounds"
wheels="scikit-learn scikit-image"

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

for package in $packages; do
    if apt-get download "$package" >/dev/null 2>&1; then
        dpkg-deb -x "$package"_*.deb "debian-$package"
    else
        echo "skipped: Debian package $package (try: apt-get update)" >&2
    fi
done
for wheel in $wheels; do
    if python3 -m pip download --quiet --no-deps --only-binary :all: --dest wheels "$wheel" >/dev/null 2>&1; then
        python3 -m zipfile -e wheels/"$(echo "$wheel" | tr - _)"-*.whl "wheel-$wheel"
    else
        echo "skipped: package $wheel" >&2
    fi
done

# links and thumbnails would count a picture twice; small ones say nothing about a decoder
find . -type f \( -name '*.jpg' -o -name '*.jpeg' -o -name '*.png' -o -name '*.webp' \) -size +20k | sort | while read -r path; do
    cp "$path" "$folder/$(md5sum "$path" | cut -c1-8)-$(basename "$path")"
done
echo "$(find "$folder" -type f | wc -l) pictures in $folder"
