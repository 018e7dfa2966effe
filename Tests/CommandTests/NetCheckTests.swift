import Foundation
import Testing

@Suite("net-check on the command line", .enabled(if: geteuid() == 0, "needs root"))
struct NetCheckTests {
    @Test(
        "silence and 0 where all is as planned, a line for each difference and 1 where not, 66 where the namespace has gone"
    )
    func exits() throws {
        let text = try World.run(
            """
            $runcvm net-plan --netns /run/netns/web | $runcvm tap-create | $runcvm bridge-alias >/run/state
            $runcvm net-check </run/state; echo $?
            ip -n web link set eth0 down; ip -n web link delete tap-eth0
            $runcvm net-check </run/state || echo $?
            # The kernel may give a namespace that has gone its number again.
            ip netns add next; ip netns delete web
            $runcvm net-check </run/state 2>&1 || echo $?
            touch /run/netns/web; mount --bind /run/netns/next /run/netns/web
            $runcvm net-check </run/state 2>&1 || echo $?
            """)
        #expect(
            text == """
                0
                eth0: down; ip link set eth0 up
                tap-eth0: missing; runcvm tap-create makes it, and a VM that had it must be started again
                1
                runcvm net-check: network namespace /run/netns/web: gone, and the VM with it
                66
                runcvm net-check: network namespace /run/netns/web: gone, and the VM with it
                66

                """)
    }
}

/// The namespace of a container has what the VM's own shall have, but for the neighbour.
@Suite("net-check in the VM", .enabled(if: geteuid() == 0, "needs root"))
struct GuestNetCheckTests {
    @Test("silence where all is as planned, and a line for each thing that a program of the VM has changed")
    func inside() throws {
        let text = try World.run(
            """
            $runcvm net-plan --netns /run/netns/web >/run/state
            inside() { nsenter --net=/run/netns/web $runcvm net-check --inside </run/state; echo $?; }
            mac=$(inside | sed -n 's/.*no permanent neighbour 172.17.255.254 at \\([^;]*\\);.*/\\1/p' || true)
            ip -n web neighbour replace 172.17.255.254 lladdr $mac dev eth0 nud permanent
            inside || true
            ip -n web neighbour delete 172.17.255.254 dev eth0
            ip -n web route delete default
            ip -n web link set eth0 mtu 1400
            ip -n web address add 172.17.0.77/16 dev eth0
            inside | sed "s/$mac/MAC/g" || true
            ip -n web link set eth0 down; ip -n web link set eth0 name lan
            inside || true
            """)
        #expect(
            text == """
                0
                eth0: MTU 1400, not 1500; ip link set eth0 mtu 1500
                eth0: has the address 172.17.0.77/16, of which the engine does not know; it may be another container's
                eth0: no permanent neighbour 172.17.255.254 at MAC; ip neighbour replace 172.17.255.254 lladdr MAC dev eth0 nud permanent
                eth0: no route default via 172.17.0.1; ip route add default via 172.17.0.1 dev eth0
                1
                eth0: missing; a program of the VM has renamed or deleted it
                1

                """)
    }
}
