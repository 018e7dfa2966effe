import Testing

extension LabTests {
    @Test("doctor boots a VM and finds the lab well; net-check, ps, logs and stop know one of Docker's")
    func administration() throws {
        let text = try Lab.sh(
            """
            runcvm doctor | grep -v '^✓' || true
            id=$(docker run -d --runtime=runcvm busybox:local sh -c 'trap "exit 7" TERM; echo up; while :; do sleep 0.2; done')
            until docker logs $id | grep -q up; do sleep 0.2; done
            runcvm ps | grep -c "^${id:0:12}  running .* 172.17.0.*/16"
            runcvm net-check </run/runcvm/$id/state.json && echo as planned
            runcvm vm-exec $id ip link set eth0 mtu 1400
            runcvm net-check </run/runcvm/$id/state.json || echo $?
            runcvm vm-exec $id ip link set eth0 mtu 1500
            nsenter -t $(docker inspect -f '{{.State.Pid}}' $id) -n ip link set tap-eth0 nomaster
            runcvm net-check </run/runcvm/$id/state.json || echo $?
            runcvm logs ${id:0:8} | grep -c 'Successfully started microvm'
            [ $(runcvm stop ${id:0:8}) = $id ] && docker wait $id
            runcvm ps; docker rm $id >/dev/null; ls /run/runcvm
            """)
        #expect(
            text == """
                1
                as planned
                in the VM: eth0: MTU 1400, not 1500; ip link set eth0 mtu 1500
                1
                tap-eth0: no port of a bridge, not one of br-eth0; ip link set tap-eth0 master br-eth0
                1
                1
                7
                ID  STATUS  PID  CPUS  MEMORY  NETWORK
                """)
    }
}
