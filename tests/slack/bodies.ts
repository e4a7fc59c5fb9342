// What reclose may send, in Slack's own types. `validate.sh` checks every recorded body against it.
import type { KnownBlock, MessageMetadata } from '@slack/types';

interface Common {
  channel: string;
  text: string;
  blocks?: KnownBlock[];
  metadata: MessageMetadata;
  parse: 'none';
  link_names: boolean;
}

export interface Post extends Common {
  thread_ts?: string;
  reply_broadcast?: boolean;
  unfurl_links: false;
  unfurl_media: false;
}

export interface Update extends Common {
  ts: string;
}
