import Foundation

extension HostImage {
    /// Where the hosts' archive lies in the image.
    private static let archive = "/srv/apt"

    /// Makes the image under another name, which a killed run leaves behind, and moves it into place at the end.
    func make(_ sources: AptSources) async throws {
        try FileManager.default.createDirectory(atPath: Self.cache, withIntermediateDirectories: true)
        let making = "\(folder).making"
        let done = "\(folder)/etc/debian_version"
        // The lock is held by the whole making: who comes second waits, and finds it made.
        let result = try await Shell.run(
            [
                "flock", Self.cache + "/lock", "unshare", "--mount", "bash", "-euo", "pipefail", "-c", Self.script,
                "make", making, folder,
            ],
            environment: [
                "RELEASE": release, "MIRROR": sources.mirror, "SOURCES": sources.lines.joined(separator: "\n"),
                "INSTALLED": Self.installed.joined(separator: " "),
                "AVAILABLE": Self.available(release).joined(separator: " "),
                "ARCHIVE": Self.archive, "DEBIAN_FRONTEND": "noninteractive", "TMPDIR": "/tmp",
            ].merging(Self.proxies) { given, _ in given })
        guard result.status == 0, FileManager.default.fileExists(atPath: done) else {
            let said = (result.text + result.errors).split(separator: "\n").suffix(30).joined(separator: "\n")
            throw LabError("the image \(folder) was not made (\(result.status)):\n\(said)")
        }
    }

    /// What this machine needs to reach the mirror, where it needs anything.
    private static let proxies = ProcessInfo.processInfo.environment.filter { name, _ in
        ["http_proxy", "https_proxy", "no_proxy"].contains(name.lowercased())
    }

    private static let script = #"""
        image=$1 final=$2
        [[ ! -e $final ]] || exit 0
        # What another run left when it was killed; its mounts ended with it.
        rm -rf --one-file-system "$image"
        debootstrap --variant=minbase "$RELEASE" "$image" "$MIRROR"
        mount -t proc proc "$image/proc"
        printf '%s\n' "$SOURCES" >"$image/etc/apt/sources.list"
        # Nothing here has to outlive a power cut; and packages' services are started by hosts, not by the image.
        echo force-unsafe-io >"$image/etc/dpkg/dpkg.cfg.d/lab"
        printf '#!/bin/sh\nexit 101\n' >"$image/usr/sbin/policy-rc.d"
        chmod 755 "$image/usr/sbin/policy-rc.d"
        inside() { chroot "$image" env LC_ALL=C.UTF-8 "$@"; }
        inside apt-get update -qq
        inside apt-get install -y -qq --no-install-recommends $INSTALLED
        inside apt-get clean
        for package in $AVAILABLE; do
            inside apt-get install -y -qq --download-only "$package"
        done
        mkdir -p "$image$ARCHIVE"
        mv "$image"/var/cache/apt/archives/*.deb "$image$ARCHIVE/"
        inside sh -c "cd $ARCHIVE && apt-ftparchive packages . >Packages && apt-ftparchive release . >Release"
        echo "deb [trusted=yes] file:$ARCHIVE ./" >"$image/etc/apt/sources.list"
        rm -rf "$image"/var/lib/apt/lists/*
        inside apt-get update -qq
        rm "$image/usr/sbin/policy-rc.d"

        # As Debian's installer leaves a machine, as far as a package may look at it.
        echo 'LANG=C.UTF-8' >"$image/etc/default/locale"
        : >"$image/etc/machine-id"
        rm -f "$image/var/lib/dbus/machine-id" "$image/etc/hostname"
        mkdir -p "$image/var/log/journal"
        ln -sf /etc/machine-id "$image/var/lib/dbus/machine-id"
        inside systemctl enable -q systemd-networkd
        # Tests start it where they need it.
        inside systemctl disable -q ssh.service
        # Timers that would do the machine's upkeep in the middle of a test.
        inside systemctl mask -q apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
            fstrim.timer systemd-tmpfiles-clean.timer getty.target console-getty.service
        umount "$image/proc"
        mv "$image" "$final"
        """#
}
