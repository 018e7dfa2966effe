import Foundation
import Testing

@Suite("fc-config and fc-boot", .enabled(if: geteuid() == 0, "needs root"))
struct MachineCommandTests {
    @Test(
        "fc-boot names what the VM lacks before it starts one, and ends with 125; the document's own faults are not that"
    )
    func lacks() throws {
        let text = try World.run(
            """
            cd /run; touch kernel initrd disk; printf '#!/bin/sh\\necho started\\n' >fake; chmod +x fake; export RUNCVM_FIRECRACKER=/run/fake
            boot() { $runcvm fc-boot "$@" 2>&1 </dev/null || echo "status $?"; }
            $runcvm net-plan --netns /run/netns/web | $runcvm fc-config --kernel kernel --initrd initrd --rootfs disk >vm.json
            mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3; boot vm.json
            touch /dev/kvm; boot vm.json
            mkdir /dev/net; mknod /dev/net/tun c 10 200; boot vm.json; ip -n web -o link | grep tap || true
            $runcvm tap-create <vm.json >/dev/null; boot vm.json
            ip netns delete web; boot vm.json
            boot none; boot - ; boot fake
            """)
        #expect(
            text == """
                runcvm fc-boot: the VM could not run: /dev/kvm: No such file or directory (ENOENT); enable virtualization in the firmware, then modprobe kvm_intel or kvm_amd
                status 125
                runcvm fc-boot: the VM could not run: /dev/net/tun: No such file or directory (ENOENT); modprobe tun
                status 125
                runcvm fc-boot: the VM could not run: no tap tap-eth0 in the network namespace; runcvm tap-create makes it
                status 125
                runcvm fc-boot: the VM ended before its process did: started
                status 125
                runcvm fc-boot: the VM could not run: network namespace /run/netns/web: no such file; ip netns list shows those that are named
                status 125
                runcvm fc-boot: open none: No such file or directory (ENOENT)
                status 66
                runcvm fc-boot: open -: No such file or directory (ENOENT)
                status 66
                runcvm fc-boot: fake: not JSON (it starts with '#')
                status 65

                """, "\(text)")
    }
}
