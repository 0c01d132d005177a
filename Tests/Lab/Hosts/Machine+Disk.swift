import Foundation

extension Machine {
    /// What tells this disk from its image: its name and its network.
    nonisolated func prepareDisk() throws {
        try put("\(name)\n", "/etc/hostname")
        // By address and not by DHCP; brought up by systemd-networkd, after whatever wants to be before the network.
        try put(
            """
            [Match]
            Name=eth0

            [Network]
            LinkLocalAddressing=no
            IPv6AcceptRA=no

            [Address]
            Address=\(host.ipv4)/24

            [Address]
            Address=\(host.ipv6)/64
            DuplicateAddressDetection=none

            """, "/etc/systemd/network/eth0.network")
    }

    /// Writes to the disk of a machine that has never been switched on.
    private nonisolated func put(_ text: String, _ path: String) throws {
        let file = folder.appendingPathComponent("upper" + path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755])
        try Data(text.utf8).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.path)
    }

    var scriptArguments: [String] {
        [
            image.folder, folder.path, Self.group(host), names.path, Packages.folder.path,
            "/run/netns/" + host.namespace,
        ]
    }

    /// Runs in a mount namespace of its own, so that the disk's mount ends with the machine, however that ends. Each has
    /// a control group of its own, else two systemds would kill each other's services.
    static let script = #"""
        image=$1 folder=$2 group=$3 names=$4 packages=$5 network=$6
        for top in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
            [[ -e $top/cgroup.procs ]] || continue
            mkdir -p "$top/$group"
            echo $$ >"$top/$group/cgroup.procs"
        done
        # The disk outlives its machine's power cuts but not this computer's, so nothing is written through to it.
        rm -rf "$folder"/overlay/*/incompat
        mount -t overlay -o "lowerdir=$image,upperdir=$folder/upper,workdir=$folder/overlay,volatile" lab "$folder/root"
        binds=(--bind-ro="$names:/etc/hosts")
        [[ ! -d $packages ]] || binds+=(--bind-ro="$packages:/run/knocknoc-packages")
        # systemd 256 and 257 refuse a computer with the older control groups unless told so on the kernel's command line,
        # which here is their own.
        exec systemd-nspawn -q -D "$folder/root" --boot --register=no --keep-unit --network-namespace-path="$network" --capability=CAP_NET_ADMIN \
            --console=pipe --machine="$group" --resolv-conf=off --timezone=off --link-journal=no "${binds[@]}" \
            SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1
        """#

    static let removal = #"""
        for top in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
            [[ -d $top/$1 ]] || continue
            find "$top/$1" -depth -type d -exec rmdir {} \; || true
        done
        rmdir "/run/systemd/nspawn/propagate/$1" 2>/dev/null || true
        rm -rf --one-file-system "$2"
        """#
}
