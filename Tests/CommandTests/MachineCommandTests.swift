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
            mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3; boot --dry-run vm.json; boot vm.json
            touch /dev/kvm; boot vm.json
            mkdir /dev/net; mknod /dev/net/tun c 10 200; boot vm.json; ip -n web -o link | grep tap || true
            $runcvm tap-create <vm.json >/dev/null; boot vm.json
            ip netns delete web; boot vm.json
            boot none; boot - ; boot fake
            """)
        #expect(
            text == """
                nsenter --net=/run/netns/web /run/fake --no-api --config-file /run/runcvm/web/firecracker.json --id web
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

    @Test("the guest's resolv.conf and hosts are the engine's to the byte, also where they are no UTF-8")
    func bytes() throws {
        let text = try World.run(
            #"""
            cd /run; mkdir -p bundle runcvm/web/jail; export RUNCVM_FIRECRACKER=/bin/true
            printf '# caf\xe9\nnameserver 10.0.0.1\n' >resolv.conf; printf '10.0.0.2 h\xc3\xb6st # \xe9\n' >hosts
            config() {
                echo '{"process":{"cwd":"/","user":{"uid":0,"gid":0},"args":["x"],"env":[]},"mounts":[
                    {"destination":"/etc/resolv.conf","type":"bind","source":"/run/resolv.conf","options":["rbind"]},
                    {"destination":"/etc/hosts","type":"bind","source":"/run/hosts","options":["rbind"]}]}' >runcvm/web/config.json
                echo '{"id":"web","pid":'$pid',"bundle":"/run/bundle"}' | $runcvm net-plan | $runcvm fc-config >/dev/null
            }
            nsenter --net=/run/netns/web sleep 1000 & pid=$!; until [ "$(readlink /proc/$pid/exe)" = "$(readlink -f $(command -v sleep))" ]; do :; done
            file() { jq -er '.files[] | select(.path == "'$1'").contents' runcvm/web/guest.json | base64 -d | cmp - $2 && echo $1; }
            config; file /etc/resolv.conf resolv.conf; file /etc/hosts hosts
            jq -c '[.hosts, .resolvConf]' runcvm/web/guest.json
            printf '10.0.0.2 h\xc3\xb6st\n' >hosts; config; jq -c '[.hosts, .resolvConf, (.files | length)]' runcvm/web/guest.json
            """#)
        #expect(text == "/etc/resolv.conf\n/etc/hosts\n[null,null]\n[\"10.0.0.2 höst\\n\",null,1]\n", "\(text)")
    }

    @Test("root's Firecracker by hand has no capability but to open others' files, gains none, and opens its tap")
    func capabilities() throws {
        let text = try World.run(
            #"""
            cd /run; touch kernel initrd disk others; chown 7:7 others; chmod 0600 others; export RUNCVM_FIRECRACKER=/run/fake
            cat >fake <<'E'
            #!/usr/bin/python3
            import fcntl, os, re, struct
            status = open("/proc/self/status").read()
            print(*re.findall("(?:CapInh|CapPrm|CapEff|CapAmb|NoNewPrivs):.*", status), file=open("/run/status", "w"))
            open("/run/others", "r+")
            fcntl.ioctl(os.open("/dev/net/tun", os.O_RDWR), 0x400454ca, struct.pack("16sH22x", b"tap-eth0", 0x5002))
            print("opened", file=open("/run/status", "a"))
            E
            chmod +x fake
            $runcvm net-plan --netns /run/netns/web | $runcvm tap-create |
                $runcvm fc-config --kernel kernel --initrd initrd --rootfs disk >vm.json
            $runcvm fc-boot vm.json 2>&1 </dev/null || tr -s '\t' ' ' <status
            $runcvm tap-delete <vm.json | $runcvm tap-create --owner 7 >other.json; $runcvm fc-boot other.json 2>&1 </dev/null || echo "status $?"
            """#)
        let sets = ["CapInh: 0", "CapPrm: 2", "CapEff: 2", "NoNewPrivs: 1", "CapAmb: 0"]
        for set in sets {
            let parts = set.split(separator: " ")
            let value = parts[0].hasPrefix("Cap") ? String(repeating: "0", count: 15) + parts[1] : String(parts[1])
            #expect(text.contains("\(parts[0]) \(value)"), "\(text)")
        }
        let refusal = "tap-eth0 is user 7's; boot as that user, or runcvm tap-delete and tap-create"
        #expect(
            text.hasSuffix("opened\nruncvm fc-boot: the VM could not run: \(refusal)\nstatus 125\n"), "\(text)")
    }
}
