// The texts of what agents want to send, and of their lines in the audit.

export const approvals = {
  en: {
    words: {
      approvals: 'Approvals',
      approvalsLead: 'What agents want to send. Nothing leaves before you approve it.',
      noApprovals: 'No agent is waiting for you.',
      agentKeys: 'An agent gets a key with: wa key create NAME --chat NUMBER=read_new,reply',
      approveUntil: 'Until {0}: {1} min left; afterwards it is not sent.',
      approveSend: 'Approve and send',
      refuseSend: 'Refuse',
      sendApproved: 'Approved: it is being sent.',
      sendRefused: 'Refused: it is not sent.',
      approvalGone: 'It has expired, or another person has decided.',
    },
    audit: {},
  },
  es: {
    words: {
      approvals: 'Aprobaciones',
      approvalsLead: 'Lo que los agentes quieren enviar. Nada sale antes de que lo apruebes.',
      noApprovals: 'Ningún agente te está esperando.',
      agentKeys: 'Un agente recibe una clave con: wa key create NOMBRE --chat NÚMERO=read_new,reply',
      approveUntil: 'Hasta las {0}: {1} min más; después no se envía.',
      approveSend: 'Aprobar y enviar',
      refuseSend: 'Rechazar',
      sendApproved: 'Aprobado: se está enviando.',
      sendRefused: 'Rechazado: no se envía.',
      approvalGone: 'Venció, o lo decidió otra persona.',
    },
    audit: {
      'approve send': 'aprobó un envío',
      'refuse send': 'rechazó un envío',
      'agent status': 'agente: estado',
      'agent chats': 'agente: chats',
      'agent messages': 'agente: mensajes',
      'agent wait': 'agente: espera una respuesta',
      'agent history': 'agente: historial',
      'agent search': 'agente: búsqueda',
      'agent send': 'agente: pide un envío',
      'agent send state': 'agente: consulta un envío',
    },
  },
};
