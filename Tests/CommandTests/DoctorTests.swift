import Foundation
import OCI
import Testing

@Suite("doctor", .enabled(if: geteuid() == 0, "needs root"))
struct DoctorTests {
    /// A host of which everything but KVM is there: $runcvm stands in /run/lib with its files, as an installation has it,
    /// and `docker` and Firecracker are scripts that say what the real ones say.
    private func run(_ script: String) throws -> String {
        try World.run(
            #"""
            mkdir -p /run/lib/hooks /run/bin /run/tree/lib/modules/runcvm; mount -t tmpfs none /etc/docker 2>/dev/null || {
                mkdir -p /run/etc; cp -a /etc/. /run/etc/ 2>/dev/null || true; mkdir -p /run/etc/docker; mount --bind /run/etc /etc; }
            cp "$runcvm" /run/lib/runcvm; ln -s /run/lib/runcvm /run/bin/runcvm-runtime
            printf '#!/bin/sh\necho "Firecracker v%s"\n' "1.12.1" >/run/lib/firecracker
            printf '#!/bin/sh\necho "26.1.5 io.containerd.runc.v2 runcvm runc "\n' >/run/bin/docker
            printf '#!/bin/sh\n' | tee /run/lib/hooks/prestart >/run/lib/hooks/poststop
            chmod -R +x /run/lib /run/bin; export PATH=/run/bin:$PATH
            { printf '\177ELF\2'; head -c 11 /dev/zero; printf '\2\0\76\0'; head -c 5000 /dev/zero; printf 'Linux version 6.1.0-test (x@y)\n'; } >/run/lib/vmlinux
            initrd() { (cd /run/tree && find . -mindepth 1 | sed 's,^\./,,' | cpio -o -H newc --quiet) >/run/lib/initrd; }
            cp /run/lib/runcvm /run/tree/init; touch /run/tree/lib/modules/runcvm/{order,erofs.ko}
            mkdir -p /run/tree/side/{sbin,lib,etc}
            touch /run/tree/side/{sbin/dropbear,lib/preload.so,etc/ld.so.preload,etc/passwd,etc/shells}; initrd
            printf '#!/bin/sh\n' >/run/lib/busybox; printf '#!/bin/sh\necho OpenSSH_10 >&2\n' >/run/bin/ssh; chmod +x /run/lib/busybox /run/bin/ssh
            echo '{"runtimes": {"runcvm": {"path": "/run/bin/runcvm-runtime"}}}' >/etc/docker/daemon.json
            doctor() { /run/lib/runcvm doctor --no-boot "$@" || true; }
            """# + "\n" + script)
    }

    @Test("a host that has everything is told so, line by line")
    func whole() throws {
        let lines = try run("doctor").split(separator: "\n")
        // KVM, disk space and the version of what is installed are the machine's own.
        let own = ["KVM", "space", "OCI runtime", "mkfs.erofs", "mke2fs", "redirection"]
        let ours = lines.filter { line in !own.contains { line.dropFirst(2).hasPrefix("\($0):") } }
        #expect(ours.allSatisfy { $0.hasPrefix("✓") }, "\(lines)")
        for line in [
            "✓ Firecracker: Firecracker v1.12.1 at /run/lib/firecracker",
            "✓ guest kernel: 6.1.0-test at /run/lib/vmlinux",
            "✓ guest initrd: this runcvm as /init, 1 modules, at /run/lib/initrd",
            "✓ taps and bridges: made in a namespace of their own",
            "✓ docker exec: OpenSSH_10, /run/lib/busybox", "✓ hooks: /run/lib/hooks",
            "✓ registration: /run/bin/runcvm-runtime in /etc/docker/daemon.json",
            "✓ Docker: 26.1.5 knows the runtime runcvm",
        ] {
            #expect(lines.contains(line[...]), "\(line)\n\(lines)")
        }
    }

    static let faults: [(script: String, line: String)] = [
        ("rm /run/lib/firecracker", "✗ Firecracker: firecracker not found, neither /run/lib/firecracker nor on PATH"),
        (
            "sed -i s/1.12.1/1.7.0/ /run/lib/firecracker",
            "✗ Firecracker: Firecracker v1.7.0 at /run/lib/firecracker; runcvm needs 1.12"
        ),
        ("rm /run/lib/vmlinux", "✗ guest kernel: guest vmlinux not found at /run/lib/vmlinux; put"),
        (
            "head -c 600 /dev/zero >/run/lib/vmlinux; printf HdrS | dd of=/run/lib/vmlinux bs=1 seek=514 conv=notrunc 2>/dev/null",
            "✗ guest kernel: /run/lib/vmlinux: a bzImage, and Firecracker boots an uncompressed vmlinux"
        ),
        ("cp /bin/true /run/lib/vmlinux", "✗ guest kernel: /run/lib/vmlinux: not a kernel for x86-64"),
        ("gzip <<<x >/run/lib/initrd", "✗ guest initrd: /run/lib/initrd: not an uncompressed cpio archive (newc)"),
        (
            "rm /run/tree/lib/modules/runcvm/order; initrd",
            "✗ guest initrd: /run/lib/initrd: no lib/modules/runcvm/order in it"
        ),
        ("rm /run/tree/side/sbin/dropbear; initrd", "✗ guest initrd: /run/lib/initrd: no side/sbin/dropbear in it"),
        ("rm /run/lib/busybox", "✗ docker exec: /run/lib/busybox: no such program"),
        ("printf '#!/bin/sh\\nexit 1\\n' >/run/bin/ssh", "✗ docker exec: ssh: exit 1; install runcvm again"),
        ("echo >>/run/tree/init; initrd", "✗ guest initrd: /run/lib/initrd: its /init is another runcvm than this"),
        ("head -c 3000 /run/lib/initrd >/run/x; mv /run/x /run/lib/initrd", "✗ guest initrd: /run/lib/initrd: cut off"),
        ("rm /run/lib/hooks/poststop", "✗ hooks: /run/lib/hooks/poststop: no such program"),
        ("rm /etc/docker/daemon.json", "✗ registration: /etc/docker/daemon.json: no such file; scripts/install"),
        (
            "echo '{}' >/etc/docker/daemon.json",
            "✗ registration: /etc/docker/daemon.json: no runtimes.runcvm.path in it"
        ),
        ("echo '{,}' >/etc/docker/daemon.json", "✗ registration: /etc/docker/daemon.json: not JSON"),
        (
            "rm /run/bin/runcvm-runtime",
            "✗ registration: /etc/docker/daemon.json: /run/bin/runcvm-runtime: no such program"
        ),
        ("ln -sf /bin/true /run/bin/runcvm-runtime", "! registration: /run/bin/runcvm-runtime is /"),
        (
            "sed -i 's/runcvm //' /run/bin/docker",
            "✗ Docker: 26.1.5, which has not read of the runtime runcvm; kill -HUP"
        ),
        (
            "printf '#!/bin/sh\\necho Cannot connect >&2; exit 1' >/run/bin/docker",
            "✗ Docker: Cannot connect; systemctl start docker"
        ),
        (
            "mkdir /run/few; for p in bash sh crun mke2fs; do ln -s $(command -v $p) /run/few; done; export PATH=/run/few",
            "✗ mkfs.erofs: not found on PATH; apt-get install erofs-utils"
        ),
        ("export PATH=/run/bin", "! firewall: neither iptables nor nft: no host mode; apt-get install iptables"),
        ("export PATH=/run/bin", "✗ OCI runtime: neither crun nor runc found on PATH"),
        (
            "mount -t tmpfs -o size=1m none /var/lib",
            "✗ space: 1 MiB free for /var/lib/docker; runcvm needs 1024 MiB there"
        ),
    ]

    @Test("what is missing has its line with the remedy, and the exit status is 1", arguments: faults.indices)
    func fault(_ index: Int) throws {
        let fault = Self.faults[index]
        let text = try run("\(fault.script)\n/run/lib/runcvm doctor --no-boot && echo well || echo status $?")
        #expect(text.split(separator: "\n").contains { $0.hasPrefix(fault.line) }, "\(text)")
        if fault.line.hasPrefix("✗") { #expect(text.hasSuffix("status 1\n")) }
    }

    @Test("without what a VM needs none is booted, and nothing is left; --json says the same in one document")
    func json() throws {
        let text = try run(
            "rm /run/lib/initrd; /run/lib/runcvm doctor --json || true; ls /run/runcvm 2>/dev/null || true")
        let report = try JSONValue(parsing: [UInt8](text.utf8), subject: "report")
        #expect(report["ok"] == false)
        let checks = try #require(report["checks"]?.array)
        #expect(checks.contains { $0["name"] == "guest initrd" && $0["state"] == "fault" })
        #expect(
            checks.contains {
                $0["name"] == "boot" && $0["state"] == "fault"
                    && $0["detail"]?.string?.hasPrefix("not tried, for want of ") == true
            })
        #expect(checks.contains { $0["name"] == "taps and bridges" && $0["state"] == "ok" })
    }
}
