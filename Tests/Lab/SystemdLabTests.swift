import Testing

extension LabTests {
    @Suite("RUNCVM_SYSTEMD=true")
    struct SystemdTests {
        /// ssh to the VM's sshd by the host's published port, with what it needs of options in `$o`.
        private static let ssh = """
            o="-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -i /tmp/id"
            vm() { ssh $o -p 2222 root@localhost "$@"; }

            """

        @Test("the command is a unit of the image's systemd, on Docker's network; sshd answers at the published port")
        func unit() throws {
            // With a key for root, and with all that would give the VM another network and machine-id.
            try Lab.sh(
                #"""
                cd /tmp; rm -rf id id.pub put; ssh-keygen -q -t ed25519 -N '' -f id
                units=put/etc/systemd/system/multi-user.target.wants
                mkdir -p put/root/.ssh put/etc/systemd/network $units
                cp id.pub put/root/.ssh/authorized_keys; chmod -R go= put/root
                printf '[Match]\nName=eth*\n[Network]\nAddress=10.99.0.1/24\n' >put/etc/systemd/network/all.network
                ln -s /usr/lib/systemd/system/systemd-networkd.service $units/
                echo 11111111111111111111111111111111 >put/etc/machine-id
                docker create --name unit --hostname box -p 2222:22 -e RUNCVM_SYSTEMD=true --runtime=runcvm \
                    -u 77:88 -w /tmp/new --pids-limit 300 -e 'A=%h $x "q"
                é' systemd:local sh -c 'cat /proc/1/comm; id; pwd; printf "[%s]" "$A" "$@"; echo; echo err >&2
                    trap "echo bye; exit 7" TERM; trap "echo hup" HUP; echo up; while :; do sleep 0.1; done' \
                    sh '%n $y' "it's" '' >/dev/null
                tar -C put --owner=0 --group=0 -c . | docker cp -q - unit:/
                docker start unit >/dev/null
                said() { until docker logs unit 2>/dev/null | grep -qx $1; do sleep 0.2; done; }
                said up; docker kill -s HUP unit >/dev/null; said hup
                """#)
            let beside = try Lab.sh(
                """
                docker exec -u 77 -w /tmp unit sh -c 'cat /proc/1/comm; id -u; pwd; exit 3' || echo "status $?"
                docker exec -u 0 unit sh -c 'hostname; systemctl is-active runcvm-command'
                head -c 300000 /dev/zero | docker exec -i unit wc -c
                """)
            #expect(beside == "systemd\n77\n/tmp\nstatus 3\nbox\nactive\n300000")
            let outcome = try Lab.run(
                Self.ssh + #"""
                    vm 'systemctl is-system-running --wait; systemctl show -P ActiveState runcvm-command; systemctl --failed --no-legend
                        systemd-detect-virt; hostname; cat /sys/fs/cgroup/system.slice/pids.max
                        ip -o -4 addr show scope global | cut -d" " -f 2-7; exit 9'
                    echo "status $?"
                    vm -tt 'stty size; tty' </dev/null | tr -d '\r'
                    vm 'cmp -s /etc/resolv.conf - && echo same' <$(docker inspect -f '{{.ResolvConfPath}}' unit)
                    vm 'cat /etc/machine-id' | grep -c '^1*$'
                    head -c 20000000 /dev/urandom >/tmp/big
                    scp -q $o -P 2222 /tmp/big root@localhost:/big
                    vm 'md5sum </big' | cmp - <(md5sum </tmp/big) && echo equal
                    # What the kernel refuses, or what ends a container inside the VM only, is not the VM's end.
                    off='syscall(169, 0xfee1dead, 0x28121969, 0x4321fedc); print "$!\n"'
                    vm "setpriv --reuid 77 --clear-groups perl -e '$off'; unshare -Ufpr perl -e '$off'; echo \$?"
                    """#)
            let address = try Lab.sh("docker inspect -f '{{.NetworkSettings.IPAddress}}' unit")
            #expect(
                outcome.lines == [
                    "running", "active", "kvm", "box", "300", "eth0    inet \(address)/16", "status 9", "0 0",
                    "/dev/pts/0", "same", "0", "equal", "Operation not permitted", "130",
                ], "\(outcome.text)\(outcome.errors)")
            #expect(
                try Lab.sh("docker stop -t 100 unit >/dev/null; docker wait unit; docker logs unit 2>/dev/null") == """
                    7
                    systemd
                    uid=77 gid=88 groups=88
                    /tmp/new
                    [%h $x "q"
                    é][%n $y][it's][]
                    up
                    hup
                    bye
                    """)
            #expect(try Lab.sh("docker logs unit 2>&1 >/dev/null; docker rm unit >/dev/null") == "err")
        }

        @Test("systemd as the command says what it does on the terminal; poweroff -ff ends it with 0 and a clean disk")
        func initItself() throws {
            let text = try Lab.sh(
                """
                docker run -d --name init --hostname box -t -e RUNCVM_SYSTEMD=true --runtime=runcvm systemd:local >/dev/null
                until docker logs init | grep -q 'box console'; do sleep 0.5; done
                timeout 100 docker exec --privileged init poweroff -ff >/dev/null 2>&1; timeout 60 docker wait init
                disk=$(docker inspect -f '{{.GraphDriver.Data.UpperDir}}' init)/../runcvm.ext4
                dumpe2fs -h $disk 2>/dev/null | grep -E 'state:|needs_recovery'
                docker logs init | grep -o 'Reached target.*poweroff.target'; docker rm init >/dev/null
                """)
            let lines = text.split(separator: "\n")
            #expect(lines.count == 3 && lines[0] == "0", "\(text)")
            #expect(lines.dropFirst().first == "Filesystem state:         clean", "\(text)")
        }

        @Test("an image without systemd is refused with the remedy, and so is a value that is neither true nor false")
        func refused() throws {
            let before = try Lab.traces()
            let missing = try Lab.docker("-e RUNCVM_SYSTEMD=true busybox:local true")
            #expect(
                missing.status != 0 && missing.errors.contains("/lib/systemd/systemd; install"), "\(missing.errors)")
            let unknown = try Lab.docker("-e RUNCVM_SYSTEMD=maybe busybox:local true")
            #expect(unknown.status == 125 && unknown.errors.contains("RUNCVM_SYSTEMD=maybe"), "\(unknown.errors)")
            #expect(try Lab.traces() == before)
        }
    }
}
