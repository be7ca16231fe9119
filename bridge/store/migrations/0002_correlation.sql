-- MQTT 5's correlation data of who asked, sent back with each reply.
ALTER TABLE commands ADD COLUMN correlation BLOB;
ALTER TABLE notices ADD COLUMN correlation BLOB;
