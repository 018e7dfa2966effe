import Testing

extension LabTests {
    @Suite("when something is wrong")
    struct FailureTests {
        /// `docker run` says it in its own output, and nothing is left behind. `break` and `mend` are shell commands.
        private func expect(
            _ words: [String], options: String = "", breaking: String = "true", mending: String = "true",
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let before = try Lab.traces()
            try Lab.sh(breaking)
            let outcome = try Lab.docker("\(options) busybox:local true")
            try Lab.sh(mending)
            #expect(outcome.status == 125, sourceLocation: sourceLocation)
            for word in words {
                #expect(outcome.errors.contains(word), "\(outcome.errors)", sourceLocation: sourceLocation)
            }
            #expect(try Lab.traces() == before, sourceLocation: sourceLocation)
        }

        @Test("another hypervisor, host mode and a volume are refused by name")
        func refused() throws {
            try expect(["qemu", "firecracker"], options: "-e RUNCVM_HYPERVISOR=qemu")
            try expect(["RUNCVM_NETWORK_MODE=host"], options: "--net host")
            try expect(["volume", "/data"], options: "-v /tmp:/data")
            try expect(["RUNCVM_NETWORK_MODE=fast"], options: "-e RUNCVM_NETWORK_MODE=fast")
            try expect(["at least"], options: "-m 160m")
        }

        @Test(
            "no kernel, no Firecracker, no initramfs, no hook: one line that names it",
            arguments: ["vmlinux", "firecracker", "initrd", "hooks/prestart"])
        func missing(_ file: String) throws {
            let path = "/usr/lib/runcvm/\(file)"
            try expect([file], breaking: "mv \(path) \(path).away", mending: "mv \(path).away \(path)")
        }

        @Test("no /dev/kvm, no mkfs.erofs, no runc and no crun: one line that names it")
        func absent() throws {
            try expect(
                ["/dev/kvm", "modprobe"], breaking: "mv /dev/kvm /dev/kvm.away", mending: "mv /dev/kvm.away /dev/kvm")
            let tools = "$(command -v crun) $(command -v runc)"
            try Lab.sh("for t in \(tools); do readlink -f $t; done >/tmp/runtimes")
            try expect(
                ["crun", "runc", "RUNCVM_OCI_RUNTIME"], breaking: "while read t; do mv $t $t.away; done </tmp/runtimes",
                mending: "while read t; do mv $t.away $t; done </tmp/runtimes")
        }

        @Test("a kernel that does not boot is the VM's failure: 125, with the console's last words")
        func badKernel() throws {
            let path = "/usr/lib/runcvm/vmlinux"
            let before = try Lab.traces()
            try Lab.sh("mv \(path) \(path).away; head -c 100000 \(path).away >\(path); chmod 644 \(path)")
            let outcome = try Lab.docker("busybox:local true")
            try Lab.sh("mv \(path).away \(path)")
            #expect(outcome.status == 125)
            #expect(outcome.errors.contains("the VM ended before its process did"), "\(outcome.errors)")
            #expect(try Lab.traces() == before)
        }
    }
}
