"""An S3 server on this machine, as a program of its own: prints its address, serves until its input ends.

python s3.py BUCKET
"""

import sys

from moto.server import ThreadedMotoServer

if __name__ == "__main__":
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    import boto3

    address = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=address, **keys).create_bucket(Bucket=sys.argv[1])
    print(address, flush=True)
    sys.stdin.read()
